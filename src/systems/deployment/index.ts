import { type Config, forModel, isDeclared, modelNames } from '../../config.ts';
import { gatewayAt } from '../adminToken.ts';
import { createDocker } from '../docker/client.ts';
import { createDockerSystem, type Images } from '../docker/index.ts';
import type { Mlflow } from '../mlflow/index.ts';
import { endContainer, leftContainers } from './containers.ts';
import { createDockerTarget } from './docker.ts';
import { createGatewayClient } from './gatewayClient.ts';
import { createProcessTarget } from './process.ts';
import { type DeploymentTarget, GatewayError } from './target.ts';

/** Every deployment target by the name that `deployment.target` gives it. */
const TARGETS = {
  process: (config) => endingContainers(config, createProcessTarget(gatewayAt(config))),
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
  /** Ends the APIs that run although their model has the target "none" now. */
  endUndeclared(): Promise<void>;
  /** Lets go of connections; what runs goes on. */
  close(): Promise<void>;
}

/** The deployments of all models, each made when it is first asked for, and again when its settings have changed. */
export function createDeployments(config: Config): Deployments {
  const made = new Map<string, ModelDeployment & { madeOf: string; close(): Promise<void> }>();
  // What goes on with them must not find its connections closed.
  const replaced: Array<{ close(): Promise<void> }> = [];
  return {
    of(registeredModel = config.registry.registeredModel) {
      // A run outlives the settings that it began with: what they no longer name has no API.
      if (!isDeclared(config, registeredModel)) {
        const message = `mediwatch.yaml declares no model "${registeredModel}": the API belongs to another. Nothing was changed.`;
        throw new GatewayError(message, { retryable: false });
      }
      // The settings of a deployment with one model are those of the file.
      const name = Object.hasOwn(config.models, registeredModel) ? registeredModel : '';
      const own = name ? forModel(config, name) : { ...config };
      const known = made.get(name);
      if (known?.madeOf === madeOf(own)) return { ...known, config: own };
      if (known) replaced.push(known);
      const fresh = open(own);
      made.set(name, fresh);
      return fresh;
    },
    endUndeclared: async () => {
      const without = modelNames(config)
        .map((name) => forModel(config, name))
        .filter(({ deployment }) => deployment.target === 'none');
      await Promise.all(without.map(endAll));
    },
    close: async () => {
      await Promise.all([...made.values(), ...replaced].map((deployment) => deployment.close()));
    },
  };
}

/** The settings of which a target is made. */
const madeOf = ({ deployment, docker }: Config) => JSON.stringify([deployment, docker]);

/** How long a gateway that need not be there may take to answer (ms). */
const LOOK_MS = 2_000;

/** Ends the API of a model that is to have none: a process of the gateway, or containers. */
async function endAll(config: Config): Promise<void> {
  const { registeredModel } = config.registry;
  const docker = createDocker();
  const gateway = createGatewayClient(gatewayAt(config));
  try {
    const status = await gateway.status({ timeoutMs: LOOK_MS }).catch(() => null);
    const left = await leftContainers(config, docker, registeredModel);
    const served = status?.active?.model === registeredModel ? [status.active.key] : [];
    for (const key of served) await gateway.remove(key, { drainMs: config.deployment.drain * 1000, force: true });
    for (const key of left) await endContainer(config, docker, key);
  } finally {
    await gateway.close();
  }
}

/** What was a container before is stopped as one: a process takes its place. */
function endingContainers(config: Config, target: DeploymentTarget): DeploymentTarget {
  const docker = createDocker();
  return {
    ...target,
    async idle() {
      const [keys, serving, left] = await Promise.all([
        target.idle(),
        target.serving(),
        leftContainers(config, docker),
      ]);
      return [...new Set([...keys, ...left.filter((key) => key !== serving?.key)])];
    },
    async stop(key, options) {
      await target.stop(key, options);
      if ((await leftContainers(config, docker)).includes(key)) await endContainer(config, docker, key);
    },
  };
}

function open(config: Config) {
  const target = createTarget(config);
  const { images, mlflow, close } = createDockerSystem(config);
  return {
    config,
    madeOf: madeOf(config),
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
