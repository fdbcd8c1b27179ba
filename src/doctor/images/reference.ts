import { registryOf } from '../../systems/docker/references.ts';

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
 * Reads a repository's name as Docker does. Only registries on loopback may do without TLS.
 *
 * @param image without a tag, such as `ghcr.io/sugan2saba/ml`
 */
export function parseRepository(image: string): ImageRepository {
  const host = registryOf(image);
  const name = image.startsWith(`${host}/`) ? image.slice(host.length + 1) : image;
  if (host === 'docker.io') {
    const full = name.includes('/') ? name : `library/${name}`;
    return { host, urls: ['https://registry-1.docker.io'], name: full };
  }
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(host);
  return { host, urls: loopback ? [`http://${host}`, `https://${host}`] : [`https://${host}`], name };
}
