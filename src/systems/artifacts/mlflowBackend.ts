import { MlflowError } from '../mlflow/errors.ts';
import { experimentCalls } from '../mlflow/experiments.ts';
import { proxyDownload, proxyFileSize, proxyList, proxyRemoveFolder, proxyUpload } from '../mlflow/proxy.ts';
import { createTransport, type TransportOptions } from '../mlflow/transport.ts';
import type { Backend, TransferOptions } from './backend.ts';
import { ArtifactMissing } from './errors.ts';

interface Options extends TransportOptions {
  /**
   * Experiment in whose folder everything lies: a server with users then asks for permissions of that experiment, and
   * not for those that everybody has. Absent: in the root.
   */
  experiment?: string | undefined;
}

/** Keeps files behind the tracking server's artifact proxy, wherever that stores them. */
export function mlflowBackend({ experiment, ...options }: Options): Backend {
  const transport = createTransport(options);
  const { ensureExperiment } = experimentCalls(transport);
  let folder: string | undefined = experiment === undefined ? '' : undefined;

  async function place(path: string, { signal }: TransferOptions): Promise<string> {
    folder ??= `${await ensureExperiment(experiment ?? '', { signal })}/`;
    return folder + path;
  }

  const sizeOf: Backend['sizeOf'] = async (path, options) =>
    await proxyFileSize(transport, await place(path, options), options);
  const uriOf = (path: string) => `mlflow-artifacts:/${folder ?? ''}${path}`;
  return {
    uriOf,
    sizeOf,
    put: async (path, body, sizeBytes, options) =>
      await proxyUpload(transport, await place(path, options), { body, sizeBytes }, options),
    list: async (path, options) => await proxyList(transport, await place(path, options), options),
    removeFolder: async (path, options) => await proxyRemoveFolder(transport, await place(path, options), options),
    close: async () => await transport.close(),
    async get(path, read, options) {
      try {
        return await proxyDownload(transport, await place(path, options), read, options);
      } catch (error) {
        // For a file that does not exist servers answer 404, or 500 before 3.x.
        const perhapsMissing = error instanceof MlflowError && (error.status === 404 || error.status === 500);
        if (!perhapsMissing || (await sizeOf(path, options)) !== undefined) throw error;
        throw new ArtifactMissing(`MLflow at ${transport.address.base} does not hold ${uriOf(path)}.`, {
          cause: error,
        });
      }
    },
  };
}
