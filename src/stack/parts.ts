import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { hasCodec, hasMlflow, hasOwnGateway, hasTemporal, hasWebhook, hostOf, reachable } from '../config/embedded.ts';
import { BUNDLED_PYTHON, type Config } from '../config.ts';
import { gatewayAt } from '../systems/adminToken.ts';
import { createGatewayClient } from '../systems/deployment/gatewayClient.ts';
import { environmentOf } from '../systems/processes/environment.ts';
import { partEnvironment } from './environment.ts';
import type { Part } from './supervise.ts';
import type { UiAddress } from './uiGuard.ts';

const PROBE_LIMIT_MS = 5_000;
/** How long the start waits for the version that was active last; the gateway goes on trying by itself (ms). */
const ACTIVE_VERSION_MS = 8_000;

/** What the parts are made from. */
interface PartContext {
  /** Folder of the state. */
  dir: string;
  /** The Temporal program; empty when no server is started here. */
  temporal: string;
  /** Where its UI listens, behind the guard of `stack.temporalUiPort`. */
  ui: UiAddress;
}

/** The parts that this configuration needs here: what it points elsewhere for is not started. */
export function partsOf(config: Config, context: PartContext): Part[] {
  const services: Part[] = [];
  if (hasTemporal(config)) services.push(temporalPart(config, context));
  if (hasMlflow(config)) services.push(mlflowPart(config, context));
  if (hasOwnGateway(config)) services.push(gatewayPart(config));
  if (hasWebhook(config)) services.push(webhookPart(config));
  if (hasCodec(config)) services.push(codecPart(config));
  // The worker connects as its first act. MLflow it asks later, in activities that are tried again.
  const after = services.filter(({ name }) => name === 'temporal').map(({ name }) => name);
  return [...services, workerPart(config, after)];
}

/** The Temporal dev server with its UI. */
function temporalPart(config: Config, { dir, temporal: program, ui }: PartContext): Part {
  const { stack, temporal } = config;
  const { temporalPort: port, temporalUiPort: uiPort } = stack;
  const codecUrl = hasCodec(config) ? codecUrlOf(config) : undefined;
  const server = devServerArguments({
    ...{ port, uiPort: ui.port, uiHost: ui.host, codecUrl },
    // A path would become part of a URI, where a % in the name of a folder means something else.
    dbFile: 'temporal.db',
  });
  const answers = () => devServerAnswers(`http://${ui.host}:${ui.port}`, temporal.namespace);
  return {
    name: 'temporal',
    title: 'Temporal',
    ports: [
      { port, setting: 'stack.temporalPort' },
      { port: uiPort, setting: 'stack.temporalUiPort' },
    ],
    after: [],
    command: [program, ...server, '--namespace', temporal.namespace],
    cwd: dir,
    env: {},
    isReady: answers,
    isAlive: answers,
    startTimeoutMs: 60_000,
    stopGraceMs: 5_000,
  };
}

interface DevServer {
  port: number;
  uiPort: number;
  uiHost?: string;
  /** Where its state is kept; absent: in memory. */
  dbFile?: string | undefined;
  /** Where its UI has payloads decrypted. */
  codecUrl?: string | undefined;
}

/**
 * How often a shard looks for tasks, 20 times a second by default: meant for thousands of shards, where the dev server
 * has one. Each step of a workflow waited up to 50 ms for its turn; a retrain of 20 trials has a hundred.
 */
const POLLS_PER_SECOND = 1_000;
const QUEUES = ['transfer', 'timer', 'visibility'];

/**
 * Temporal's API over HTTP listens on a port of its own and does whatever a web page asks. Nothing uses it; it cannot be
 * left out, but answers to this host name only, which no request can have: a space is in it.
 */
const HTTP_API_OFF = 'frontend.httpAllowedHosts=["HTTP is off"]';

/**
 * Tasks are taken by their priority (contracts/priority.ts), of all that wait: it holds within a partition of a queue. What
 * an earlier start has written to the others is still read. Fairness is not on: this server would forget what waits when it is turned on.
 */
const PRIORITIES = ['matching.useNewMatcher=true', 'matching.numTaskqueueWritePartitions=1'];

/** Arguments of a Temporal dev server that listens on loopback only. */
export function devServerArguments({ port, uiPort, uiHost = '127.0.0.1', dbFile, codecUrl }: DevServer): string[] {
  // Signals and parallel activities run 3.5 times faster with this journal than with the default one, and the state
  // survives kill -9.
  const pragmas = ['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'];
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--ui-ip', uiHost, '--log-level', 'warn'],
    ...QUEUES.flatMap((queue) => ['--dynamic-config-value', `history.${queue}ProcessorMaxPollRPS=${POLLS_PER_SECOND}`]),
    ...[HTTP_API_OFF, ...PRIORITIES].flatMap((setting) => ['--dynamic-config-value', setting]),
    ...['--port', String(port), '--ui-port', String(uiPort)],
    ...(codecUrl ? ['--ui-codec-endpoint', codecUrl] : []),
    ...(dbFile ? ['--db-filename', dbFile, ...pragmas] : []),
  ];
}

/** Whether the server and its UI answer; the UI asks the server, and the namespace is made last. */
export function devServerAnswers(uiUrl: string, namespace: string): Promise<boolean> {
  return answers(`${uiUrl}/api/v1/namespaces/${encodeURIComponent(namespace)}`);
}

/** The MLflow tracking server and registry on SQLite, with its artifacts beside it. */
function mlflowPart({ stack }: Config, { dir }: PartContext): Part {
  const port = stack.mlflowPort;
  const home = join(dir, 'mlflow');
  mkdirSync(home, { recursive: true });
  const isHealthy = () => answers(`http://127.0.0.1:${port}/health`);
  return {
    name: 'mlflow',
    title: 'MLflow',
    ports: [{ port, setting: 'stack.mlflowPort' }],
    after: [],
    command: [
      BUNDLED_PYTHON,
      program('./mlflow_server.py'),
      // Relative, for the reason given above.
      ...['--backend-store-uri', 'sqlite:///mlflow.db'],
      ...['--artifacts-destination', 'artifacts', '--port', String(port)],
    ],
    cwd: home,
    env: {
      ...environmentOf(['computing']),
      // Seven more processes for features of language models, which take longer to start than the server.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
    },
    isReady: isHealthy,
    isAlive: isHealthy,
    // The first start makes the tables of the data base.
    startTimeoutMs: 180_000,
    stopGraceMs: 5_000,
  };
}

/** The gateway: the API's port, and the processes of the model behind it. */
function gatewayPart(config: Config): Part {
  const { stack, deployment } = config;
  const host = reachable(stack.bind);
  const client = createGatewayClient(gatewayAt(config));
  const status = () => client.status({ timeoutMs: PROBE_LIMIT_MS }).catch(() => undefined);
  return {
    name: 'gateway',
    title: 'API gateway',
    ports: [
      { port: stack.apiPort, host, setting: 'stack.apiPort' },
      ...(stack.apiAdminPort === undefined ? [] : [{ port: stack.apiAdminPort, host, setting: 'stack.apiAdminPort' }]),
    ],
    after: [],
    command: [process.execPath, program('../gateway/main.ts')],
    env: partEnvironment(config, 'gateway'),
    async isReady({ elapsedMs }) {
      const now = await status();
      if (!now) return false;
      return now.active?.state !== 'starting' || elapsedMs > ACTIVE_VERSION_MS;
    },
    isAlive: async () => (await status()) !== undefined,
    startTimeoutMs: 60_000,
    stopGraceMs: (deployment.drain + 8) * 1_000,
  };
}

/** The port on which drift alerts come in. */
function webhookPart(config: Config): Part {
  const { stack } = config;
  const port = stack.webhookPort;
  const isHealthy = () => answers(`http://${hostOf(stack.bind)}:${port}/health`);
  return {
    name: 'webhook',
    title: 'Webhook',
    ports: [{ port, host: reachable(stack.bind), setting: 'stack.webhookPort' }],
    // It asks Temporal when an alert comes, and not before.
    after: [],
    command: [process.execPath, program('../webhook/main.ts')],
    env: partEnvironment(config, 'webhook'),
    isReady: isHealthy,
    isAlive: isHealthy,
    startTimeoutMs: 60_000,
    stopGraceMs: 8_000,
  };
}

const codecUrlOf = ({ stack }: Config) => `http://127.0.0.1:${stack.codecPort}`;

/** Decrypts payloads for the Temporal UI. */
function codecPart(config: Config): Part {
  const isHealthy = () => answers(`${codecUrlOf(config)}/health`);
  return {
    name: 'codec',
    title: 'Codec server',
    ports: [{ port: config.stack.codecPort, setting: 'stack.codecPort' }],
    after: [],
    command: [process.execPath, program('../codec/main.ts')],
    env: partEnvironment(config, 'codec'),
    isReady: isHealthy,
    isAlive: isHealthy,
    startTimeoutMs: 60_000,
    stopGraceMs: 5_000,
  };
}

/** The worker with all the roles that the configuration gives it. */
function workerPart(config: Config, after: readonly Part['name'][]): Part {
  const { worker } = config;
  return {
    name: 'worker',
    title: 'Worker',
    ports: [],
    after,
    command: [process.execPath, program('../worker.ts')],
    env: partEnvironment(config, 'worker'),
    // Its line of JSON once it takes tasks.
    isReady: ({ log }) => log().includes('"msg":"worker ready"'),
    // It has no port that could be asked.
    isAlive: 'ping',
    startTimeoutMs: 120_000,
    stopGraceMs: (worker.stopGrace + 5) * 1_000,
  };
}

const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Whether the address answers with 200; nothing listening there is a no. */
async function answers(url: string): Promise<boolean> {
  return (await readJson(url)) !== undefined;
}

/** The JSON of an answer with status 200 (null when it is no JSON), undefined when there is no such answer. */
export async function readJson(url: string): Promise<unknown> {
  try {
    const response = await request(url, { signal: AbortSignal.timeout(PROBE_LIMIT_MS) });
    const text = await response.body.text();
    return response.statusCode === 200 ? parse(text) : undefined;
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
