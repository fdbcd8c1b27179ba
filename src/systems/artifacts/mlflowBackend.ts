import { MlflowError } from '../mlflow/errors.ts';
import { experimentCalls } from '../mlflow/experiments.ts';
import { proxyDownload, proxyFileSize, proxyList, proxyRemoveFolder, proxyUpload } from '../mlflow/proxy.ts';
import { createTransport, type TransportOptions } from '../mlflow/transport.ts';
import type { Backend, TransferOptions } from './backend.ts';
import { ArtifactMissing } from './errors.ts';

interface Options extends TransportOptions {
  /** Name of the experiment in whose folder everything lies. */
  experiment: string;
}

/**
 * Keeps files behind the tracking server's artifact proxy, wherever that stores them, in the folder of an experiment: a
 * server with users then asks for permissions of that experiment, and not for those that everybody has.
 */
export function mlflowBackend({ experiment, ...options }: Options): Backend {
  const transport = createTransport(options);
  const { findExperiment, ensureExperiment } = experimentCalls(transport);
  let id: string | undefined;

  /** Where a path lies; undefined: there is no experiment, and so nothing in it. */
  async function placeOf(path: string, { signal }: TransferOptions): Promise<string | undefined> {
    id ??= await findExperiment(experiment, { signal });
    return id && `${id}/${path}`;
  }

  async function ensurePlace(path: string, { signal }: TransferOptions): Promise<string> {
    id ??= await ensureExperiment(experiment, { signal });
    return `${id}/${path}`;
  }

  async function sizeOf(path: string, options: TransferOptions): Promise<number | undefined> {
    const place = await placeOf(path, options);
    return place === undefined ? undefined : await proxyFileSize(transport, place, options);
  }

  const uriOf = async (path: string) => `mlflow-artifacts:/${await ensurePlace(path, {})}`;
  return {
    uriOf,
    sizeOf,
    async put(path, body, sizeBytes, options) {
      await proxyUpload(transport, await ensurePlace(path, options), { body, sizeBytes }, options);
    },
    async list(path, options) {
      const place = await placeOf(path, options);
      return place === undefined ? [] : await proxyList(transport, place, options);
    },
    async removeFolder(path, options) {
      const place = await placeOf(path, options);
      if (place !== undefined) await proxyRemoveFolder(transport, place, options);
    },
    close: async () => await transport.close(),
    async get(path, read, options) {
      try {
        return await proxyDownload(transport, await ensurePlace(path, options), read, options);
      } catch (error) {
        // For a file that does not exist servers answer 404, or 500 before 3.x.
        const perhapsMissing = error instanceof MlflowError && (error.status === 404 || error.status === 500);
        if (!perhapsMissing || (await sizeOf(path, options)) !== undefined) throw error;
        throw new ArtifactMissing(`MLflow at ${transport.address.base} does not hold ${await uriOf(path)}.`, {
          cause: error,
        });
      }
    },
  };
}
