import { join } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import { mlflowOptions } from '../mlflow/options.ts';
import type { ArtifactStoreOptions } from './index.ts';

/** The artifact store of the configuration; this host's copies lie in the state's folder. */
export function artifactStoreOptions(config: Config): ArtifactStoreOptions {
  return {
    store: config.artifacts.store === 'mlflow' ? 'mlflow' : fromRoot(config, config.artifacts.store),
    mlflowUri: config.mlflow.uri,
    mlflow: mlflowOptions(config),
    experiment: config.mlflow.experiment,
    cacheDir: join(fromRoot(config, config.stack.dir), 'cache'),
    ...(config.artifacts.keyFile && { keyFile: fromRoot(config, config.artifacts.keyFile) }),
    timeoutMs: config.mlflow.timeout * 1000,
  };
}
