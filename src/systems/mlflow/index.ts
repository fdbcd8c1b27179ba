import { declaredModelCall } from './declared.ts';
import { ensureRunCall } from './ensureRun.ts';
import { ensureVersionCall } from './ensureVersion.ts';
import { MlflowError } from './errors.ts';
import { experimentCalls } from './experiments.ts';
import { uiLinks } from './links.ts';
import { loggedModelCalls } from './loggedModels.ts';
import { runArtifactCalls } from './runArtifacts.ts';
import { runCalls } from './runs.ts';
import { servingCalls } from './serving.ts';
import { type CallOptions, createTransport, type TransportOptions } from './transport.ts';
import { versionFileCalls } from './versionFiles.ts';
import { versionCalls } from './versions.ts';

export { MlflowError } from './errors.ts';
export type { ModelVersion, Run } from './shapes.ts';
export type { CallOptions } from './transport.ts';

export interface MlflowOptions extends TransportOptions {
  /** Base URL of MLflow's UI as people reach it, for links; empty or absent: the server's address. */
  uiUrl?: string | undefined;
}

/** The calls to a tracking server; every one takes a signal and throws `MlflowError`. */
export type Mlflow = ReturnType<typeof createMlflow>;

/**
 * A client of one MLflow tracking server and registry, 2.13 or later.
 *
 * @throws {MlflowError} when the address is not one of an HTTP server
 */
export function createMlflow(options: MlflowOptions) {
  const transport = createTransport(options);
  const runs = runCalls(transport);
  const versions = versionCalls(transport, runs);
  return {
    uri: transport.address.base,
    ...experimentCalls(transport),
    ...runs,
    ensureRun: ensureRunCall(runs),
    ...runArtifactCalls(transport, runs),
    ...loggedModelCalls(transport),
    ...versions,
    ...versionFileCalls(transport),
    declaredModel: declaredModelCall(transport),
    ensureVersion: ensureVersionCall(versions),
    ...servingCalls(transport),
    links: uiLinks(options.uiUrl?.replace(/\/+$/, '') || transport.address.base),

    /** Version of the server, such as `3.17.2`. */
    async health({ signal }: CallOptions = {}): Promise<string> {
      const version = (await transport.text({ method: 'GET', path: '/version', signal })).trim();
      if (/^\d+\.\d+\S*$/.test(version)) return version;
      const message = `What answers at ${transport.address.base} is not MLflow; is mlflow.uri right?`;
      throw new MlflowError(message, { retryable: false });
    },

    /** Gives up all open calls and closes the connections. */
    close: async () => await transport.close(),
  };
}
