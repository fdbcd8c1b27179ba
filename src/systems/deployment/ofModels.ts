import { type Config, forModel } from '../../config.ts';
import { createDockerSystem, type Images } from '../docker/index.ts';
import type { Mlflow } from '../mlflow/index.ts';
import { createTarget } from './index.ts';
import type { DeploymentTarget } from './target.ts';

/** Where the API of one model runs, and how its images are made. */
export interface ModelDeployment {
  config: Config;
  target: DeploymentTarget;
  images: Images;
  mlflow: Mlflow;
}

export interface Deployments {
  /** Absent: the model that is meant when none is named, as by workflows that began before there were several. */
  of(registeredModel?: string): ModelDeployment;
  /** Lets go of connections; what runs goes on. */
  close(): Promise<void>;
}

/** The deployments of all models, each made when it is first asked for. */
export function createDeployments(config: Config): Deployments {
  const made = new Map<string, ModelDeployment & { close(): Promise<void> }>();
  return {
    of(registeredModel = config.registry.registeredModel) {
      // Models that have no settings of their own share those of the file.
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
