import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactRef } from '../../contracts/training.ts';
import type { TransportOptions } from '../mlflow/transport.ts';
import { ensureSecretFile } from '../secretFile.ts';
import type { Backend, TransferOptions } from './backend.ts';
import { createCache, type Trimmed } from './cache.ts';
import { ArtifactStoreUnavailable } from './errors.ts';
import { fetchDirectory } from './fetch.ts';
import { folderBackend } from './folderBackend.ts';
import { type Authentication, getKey, type KeyValue, putKey } from './keys.ts';
import { mlflowBackend } from './mlflowBackend.ts';
import { type PutOptions, putDirectory } from './put.ts';
import { createSharing } from './share.ts';

export type { Backend } from './backend.ts';
export { ArtifactCorrupt, ArtifactMissing, ArtifactStoreUnavailable } from './errors.ts';

export interface ArtifactStoreOptions {
  /** `mlflow`, or a folder that every host mounts. */
  store: string;
  mlflowUri: string;
  /** How it is reached. */
  mlflow?: Partial<TransportOptions>;
  /** Experiment of MLflow whose permissions cover all that is stored; absent: none does. */
  experiment?: string;
  /** This host's own copies; only this host's processes use it. */
  cacheDir: string;
  /** Secret that authenticates the values of keys; absent: a file beside `cacheDir`, made when it is missing. */
  keyFile?: string;
  /** The value of a key is not of this secret, and is taken for none. */
  onForged?: (key: string) => void;
  /** Longest time without progress of a transfer, and longest time of a short call (ms). */
  timeoutMs: number;
}

/** Sets of files by the digest of their content: stored once, the same reference on every host. */
export interface ArtifactStore {
  /**
   * Stores all files below a directory; what the store has already is not sent again. Links are refused.
   * An interrupted call leaves files that the next one uses, and no reference to half a set.
   */
  putDirectory(directory: string, options?: PutOptions): Promise<ArtifactRef>;
  /**
   * The files of a reference in a local, read-only directory, from the cache if they are there.
   *
   * @throws {ArtifactCorrupt} when the store holds other bytes than the digests say
   * @throws {ArtifactMissing} when the store does not hold them
   */
  fetchDirectory(ref: ArtifactRef, options?: TransferOptions): Promise<string>;
  /** Remembers a small value under a name, in place of what was there. */
  putKey(key: string, value: KeyValue, options?: TransferOptions): Promise<void>;
  /** The value under a name; undefined when there is none of ours, or when it is being written at this moment. */
  getKey(key: string, options?: TransferOptions): Promise<KeyValue | undefined>;
  /** Removes the least recently used entries of this host's cache until the rest fits; none of the last hour's. */
  trimCache(maxBytes: number): Promise<Trimmed>;
}

const BACKENDS = {
  mlflow: ({ mlflowUri, mlflow, timeoutMs, experiment }) =>
    mlflowBackend({ ...mlflow, uri: mlflowUri, timeoutMs, experiment }),
  folder: ({ store }) => folderBackend(store),
} satisfies Record<string, (options: ArtifactStoreOptions) => Backend>;

/** The place alone, for what is kept under names of its own. */
export const openBackend = (options: ArtifactStoreOptions): Backend =>
  BACKENDS[options.store === 'mlflow' ? 'mlflow' : 'folder'](options);

export function createArtifactStore(options: ArtifactStoreOptions): ArtifactStore {
  const backend = openBackend(options);
  const cache = createCache(options.cacheDir);
  const shared = createSharing<string>();
  let known: Promise<Authentication> | undefined;
  const authentication = async () => {
    known ??= authenticationOf(options);
    return await known.catch((error) => {
      known = undefined;
      throw error;
    });
  };
  return {
    putDirectory: async (directory, options = {}) => await putDirectory(backend, cache, directory, options),
    // Many trials start at once on a host that has not got their data set yet.
    fetchDirectory: async (ref, { signal } = {}) =>
      await shared(ref.sha256, signal, async (signal) => await fetchDirectory(backend, cache, ref, { signal })),
    putKey: async (key, value, options = {}) => await putKey(backend, await authentication(), key, value, options),
    getKey: async (key, options = {}) => await getKey(backend, await authentication(), key, options),
    trimCache: async (maxBytes) => await cache.trim(maxBytes),
  };
}

async function authenticationOf({
  keyFile,
  cacheDir,
  onForged = () => {},
}: ArtifactStoreOptions): Promise<Authentication> {
  if (keyFile === undefined) return { secret: ensureSecretFile(join(dirname(cacheDir), 'artifact-key')), onForged };
  const secret = await readFile(keyFile, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  if (secret !== '') return { secret, onForged };
  throw new ArtifactStoreUnavailable(`artifacts.keyFile names ${keyFile}, which cannot be read here, or is empty.`);
}
