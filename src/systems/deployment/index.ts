import { type Config, forModel, isDeclared } from '../../config.ts';
import { gatewayAt } from '../adminToken.ts';
import { createDockerSystem, type Images } from '../docker/index.ts';
import type { Mlflow } from '../mlflow/index.ts';
import { createDockerTarget } from './docker.ts';
import { createProcessTarget } from './process.ts';
import { type DeploymentTarget, GatewayError } from './target.ts';

/** Every deployment target by the name that `deployment.target` gives it. */
const TARGETS = {
  process: (config) => createProcessTarget(gatewayAt(config)),
  docker: (config) => createDockerTarget(config, createDockerSystem(config)),
  none: () => createNoTarget(),
} as const satisfies Record<Config['deployment']['target'], (config: Config) => DeploymentTarget>;

/** Makes the target that the configuration names. */
export function createTarget(config: Config): DeploymentTarget {
  return TARGETS[config.deployment.target](config);
}

/** Where the API of one model runs, and how its images are made. */
interface ModelDeployment {
  config: Config;
  target: DeploymentTarget;
  images: Images;
  mlflow: Mlflow;
}

export interface Deployments {
  /** Absent: the model that `registry.registeredModel` names. */
  of(registeredModel?: string): ModelDeployment;
  /** Lets go of connections; what runs goes on. */
  close(): Promise<void>;
}

/** The deployments of all models, each made when it is first asked for. */
export function createDeployments(config: Config): Deployments {
  const made = new Map<string, ModelDeployment & { close(): Promise<void> }>();
  return {
    of(registeredModel = config.registry.registeredModel) {
      // A run outlives the settings that it began with: what they no longer name has no API.
      if (!isDeclared(config, registeredModel)) {
        const message = `mediwatch.yaml declares no model "${registeredModel}": the API belongs to another. Nothing was changed.`;
        throw new GatewayError(message, { retryable: false });
      }
      // The settings of a deployment with one model are those of the file.
      const name = Object.hasOwn(config.models, registeredModel) ? registeredModel : '';
      const known = made.get(name) ?? open(name ? forModel(config, name) : config);
      made.set(name, known);
      return known;
    },
    close: async () => {
      await Promise.all([...made.values()].map((deployment) => deployment.close()));
    },
  };
}

function open(config: Config) {
  const target = createTarget(config);
  const { images, mlflow, close } = createDockerSystem(config);
  return {
    config,
    target,
    images,
    mlflow,
    close: async () => {
      await target.close();
      await close();
    },
  };
}

/** No API is run: nothing serves, and nothing can be started. */
function createNoTarget(): DeploymentTarget {
  const refuse = async (): Promise<never> => {
    throw new GatewayError('deployment.target is "none": there is no API to change.', { retryable: false });
  };
  return {
    serving: async () => null,
    start: refuse,
    state: async () => ({ state: 'absent' }),
    shift: refuse,
    traffic: async () => [],
    idle: async () => [],
    stop: async () => {},
    close: async () => {},
  };
}
