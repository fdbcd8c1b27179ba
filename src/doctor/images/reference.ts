/** A repository of images and the registry that has it. */
export interface ImageRepository {
  /** As Docker's own configuration calls the registry, such as `ghcr.io`. */
  host: string;
  /** Addresses of its API, tried in this order. */
  urls: string[];
  /** Name within the registry, such as `sugan2saba/ml`. */
  name: string;
}

/**
 * Reads a repository's name as Docker does: what stands before the first slash is a host when it has a dot or a port
 * or is `localhost`; anything else lies on Docker Hub. Only registries on loopback may do without TLS.
 *
 * @param image without a tag, such as `ghcr.io/sugan2saba/ml`
 */
export function parseRepository(image: string): ImageRepository {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost';
  if (!isHost || first === 'docker.io') {
    const name = isHost ? image.slice(slash + 1) : image;
    const full = name.includes('/') ? name : `library/${name}`;
    return { host: 'docker.io', urls: ['https://registry-1.docker.io'], name: full };
  }
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(first);
  const urls = loopback ? [`http://${first}`, `https://${first}`] : [`https://${first}`];
  return { host: first, urls, name: image.slice(slash + 1) };
}
