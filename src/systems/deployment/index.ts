import type { Config } from '../../config.ts';
import { createDockerSystem } from '../docker/index.ts';
import { createDockerTarget } from './docker.ts';
import { createNoTarget } from './none.ts';
import { createProcessTarget } from './process.ts';
import type { DeploymentTarget } from './target.ts';

/** Every deployment target by the name that `deployment.target` gives it. */
const TARGETS = {
  process: (config) => createProcessTarget({ adminUrl: config.deployment.adminUrl }),
  docker: (config) => createDockerTarget(config, createDockerSystem(config)),
  none: () => createNoTarget(),
} as const satisfies Record<Config['deployment']['target'], (config: Config) => DeploymentTarget>;

/** Makes the target that the configuration names. */
export function createTarget(config: Config): DeploymentTarget {
  return TARGETS[config.deployment.target](config);
}
