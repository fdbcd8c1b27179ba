/** Docker's own registry, which a reference without a host means. */
const HUB = 'docker.io';

/** Host (and port) of the registry that an image name such as `ghcr.io/owner/name` belongs to. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : HUB;
}

/** Key of a registry in Docker's config.json. */
export function configKeyOf(registry: string): string {
  return registry === HUB ? 'https://index.docker.io/v1/' : registry;
}

/** `repository@sha256:…` among an image's digests, for this repository; undefined: it was not pushed or pulled. */
export function digestIn(repository: string, repoDigests: readonly string[] | null | undefined): string | undefined {
  const names = [repository, repository.replace(/^(docker\.io\/)?(library\/)?/, '')];
  return repoDigests?.find((digest) => names.includes(digest.split('@')[0] ?? ''));
}
