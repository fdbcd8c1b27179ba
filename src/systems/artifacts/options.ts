import { join } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import type { ArtifactStoreOptions } from './index.ts';

/** The artifact store of the configuration; this host's copies lie in the state's folder. */
export function artifactStoreOptions(config: Config): ArtifactStoreOptions {
  const { uri, timeout, username, password, token } = config.mlflow;
  return {
    store: config.artifacts.store === 'mlflow' ? 'mlflow' : fromRoot(config, config.artifacts.store),
    mlflowUri: uri,
    mlflowAuth: { username, password, token },
    cacheDir: join(fromRoot(config, config.stack.dir), 'cache'),
    ...(config.artifacts.keyFile && { keyFile: fromRoot(config, config.artifacts.keyFile) }),
    timeoutMs: timeout * 1000,
  };
}
