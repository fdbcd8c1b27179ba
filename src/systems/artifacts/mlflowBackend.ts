import { MlflowError } from '../mlflow/errors.ts';
import { proxyDownload, proxyFileSize, proxyList, proxyRemoveFolder, proxyUpload } from '../mlflow/proxy.ts';
import { createTransport, type TransportOptions } from '../mlflow/transport.ts';
import type { Backend } from './backend.ts';
import { ArtifactMissing } from './errors.ts';

/** Keeps files behind the tracking server's artifact proxy, wherever that stores them. */
export function mlflowBackend(options: TransportOptions): Backend {
  const transport = createTransport(options);
  const uriOf = (path: string) => `mlflow-artifacts:/${path}`;
  return {
    uriOf,
    sizeOf: async (path, options) => await proxyFileSize(transport, path, options),
    put: async (path, body, sizeBytes, options) => await proxyUpload(transport, path, { body, sizeBytes }, options),
    list: async (path, options) => await proxyList(transport, path, options),
    removeFolder: async (path, options) => await proxyRemoveFolder(transport, path, options),
    close: async () => await transport.close(),
    async get(path, read, options) {
      try {
        return await proxyDownload(transport, path, read, options);
      } catch (error) {
        // For a file that does not exist servers answer 404, or 500 before 3.x.
        const perhapsMissing = error instanceof MlflowError && (error.status === 404 || error.status === 500);
        if (!perhapsMissing || (await proxyFileSize(transport, path, options)) !== undefined) throw error;
        throw new ArtifactMissing(`MLflow at ${transport.address.base} does not hold ${uriOf(path)}.`, {
          cause: error,
        });
      }
    },
  };
}
