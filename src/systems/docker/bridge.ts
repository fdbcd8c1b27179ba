import type { Config } from '../../config.ts';
import type { Docker } from './client.ts';
import { planReach, type Reach } from './reach.ts';
import { openRelay, type Relay } from './relay.ts';

/** How containers and this host reach each other; keeps the relay of MLflow open where one is needed. */
export interface Bridge {
  /** @throws {DockerError} InvalidConfig, when containers cannot reach MLflow; DockerUnavailable */
  reach(): Promise<Reach>;
  close(): Promise<void>;
}

/** @param options.needsMlflow whether the containers ask MLflow at all; by default as those of the API do */
export function createBridge(
  config: Config,
  docker: Docker,
  { needsMlflow = config.docker.option === 'registry' } = {},
): Bridge {
  let relay: Promise<Relay | null> | undefined;
  return {
    async reach() {
      const [info, bridge] = await Promise.all([docker.info(), docker.bridgeAddress()]);
      const reach = planReach({
        network: config.docker.network,
        containerMlflowUri: config.docker.mlflowUri,
        mlflowUri: config.mlflow.uri,
        needsMlflow,
        platform: process.platform,
        info,
        bridge,
      });
      if (reach.relayFrom) {
        const { hostname } = new URL(config.mlflow.uri);
        const port = Number(new URL(reach.mlflowUri).port);
        // Tried again each time: the worker that relayed may have ended.
        if (!(await relay)) relay = openRelay({ host: reach.relayFrom, port }, { host: hostname, port });
        await relay;
      }
      return reach;
    },
    close: async () => (await relay?.catch(() => null))?.close(),
  };
}
