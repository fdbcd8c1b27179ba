import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { pino } from 'pino';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { createGateway, type Gateway, gatewayOptions } from '../../src/gateway/gateway.ts';
import { checkSecret } from '../../src/systems/checkSecret.ts';
import { createDockerTarget } from '../../src/systems/deployment/docker.ts';
import type { DeploymentTarget } from '../../src/systems/deployment/target.ts';
import { verifyCandidate } from '../../src/systems/deployment/verify.ts';
import { LABELS } from '../../src/systems/docker/client.ts';
import { createDockerSystem, type DockerSystem } from '../../src/systems/docker/index.ts';
import { baseImage, docker, pipEnvironment, removeAll } from '../support/docker.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';

const MODEL = 'Small';
/** What the small models read; every version gives the same probabilities. */
export const RECORDS = [{ age: 70, visits: 2 }];
const FIXTURE = fileURLToPath(new URL('./fixtures/api', import.meta.url));
const REGISTER = fileURLToPath(new URL('../gateway/fixtures/register_versions.py', import.meta.url));

/** Builds an image that answers like the API of a model, without one, as `<repository>:latest`. */
export async function buildFixture(repository: string): Promise<void> {
  const base = `BASE_IMAGE=${await baseImage()}`;
  await docker('build', '--quiet', '--build-arg', base, '--tag', `${repository}:latest`, FIXTURE);
}

/** A real MLflow with versions of a small model, a gateway in this process, and the Docker target. */
export interface Bench {
  config: Config;
  mlflow: MlflowServer;
  gateway: Gateway;
  system: DockerSystem;
  target: DeploymentTarget;
  repository: string;
  /** The same with other settings of the section `docker`; closed with the bench. */
  withDocker(settings: Partial<Config['docker']>): Deployer;
  /** Starts a version and lets it prove itself. */
  bringUp: Deployer['bringUp'];
  /** Starts a version, lets it prove itself, and moves all traffic to it. */
  deploy: Deployer['deploy'];
  /** Names of the containers of this bench, also stopped ones. */
  containers(): Promise<string[]>;
  close(): Promise<void>;
}

interface Deployer {
  system: DockerSystem;
  target: DeploymentTarget;
  bringUp(key: string, version: string, healthTimeoutMs?: number): ReturnType<typeof verifyCandidate>;
  deploy(key: string, version: string): Promise<void>;
}

interface BenchOptions {
  repository: string;
  versions: number;
  /** `MEDIWATCH_…` variables. */
  env?: Record<string, string>;
}

export async function openBench({ repository, versions, env = {} }: BenchOptions): Promise<Bench> {
  Object.assign(process.env, pipEnvironment());
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-docker-test-'));
  const mlflow = await startMlflow();
  await execa(join(PROJECT_ROOT, 'python/.venv/bin/python'), [REGISTER, mlflow.uri, MODEL, String(versions)]);
  const config = loadConfig(
    {
      MEDIWATCH_MLFLOW_URI: mlflow.uri,
      MEDIWATCH_STACK_DIR: dir,
      MEDIWATCH_DEPLOYMENT_TARGET: 'docker',
      MEDIWATCH_DOCKER_IMAGE: repository,
      ...env,
    },
    '/nowhere',
  );
  const gateway = await createGateway({
    ...gatewayOptions(config, pino({ level: 'silent' })),
    apiPort: 0,
  });
  config.deployment.adminUrl = gateway.adminUrl;
  const deployers = [createDeployer(config)];
  const label = `${LABELS.gateway}=${gateway.adminUrl}`;
  return {
    ...{ config, mlflow, gateway, repository, ...(deployers[0] as Deployer) },
    withDocker(settings) {
      const deployer = createDeployer({ ...config, docker: { ...config.docker, ...settings } });
      deployers.push(deployer);
      return deployer;
    },
    containers: async () =>
      (await docker('ps', '--all', '--format', '{{.Names}}', '--filter', `label=${label}`)).split('\n').filter(Boolean),
    async close() {
      for (const { target } of deployers) await target.close();
      await gateway.close();
      await removeAll({ label, repository });
      await mlflow.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function createDeployer(config: Config): Deployer {
  const system = createDockerSystem(config);
  const target = createDockerTarget(config, system);
  const bringUp: Deployer['bringUp'] = async (key, version, healthTimeoutMs = 90_000) => {
    const candidate = await target.start({ key, model: MODEL, version });
    return verifyCandidate({
      ...candidate,
      secret: checkSecret(config),
      require: ['version', 'schema', 'prediction'],
      example: RECORDS,
      healthTimeoutMs,
      maxPredictMs: 5_000,
      staticPaths: [],
      state: () => target.state(key),
    });
  };
  return {
    ...{ system, target, bringUp },
    async deploy(key, version) {
      await bringUp(key, version);
      await target.shift(key, 1);
    },
  };
}
