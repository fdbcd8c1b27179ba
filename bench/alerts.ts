import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode } from '@temporalio/worker';
import { payloadConverterPath } from '../src/bundle.ts';
import { PROJECT_ROOT } from '../src/config.ts';
import { workflowIds } from '../src/contracts/names.ts';
import { stewardQuery } from '../src/contracts/steward.ts';
import { raiseAlert } from '../src/systems/alerts.ts';
import { startMlflow } from '../test/support/mlflow.ts';
import { sampleData } from '../test/support/sampleData.ts';
import { startTemporal } from '../test/support/temporal.ts';
import { until } from '../test/support/until.ts';
import { storm } from './alerts/send.ts';
import { startVictim, type Victim } from './alerts/victim.ts';
import { inTurn, ratio, say, summary } from './figures.ts';

interface Options {
  rounds: number;
  alerts: number;
  senders: number;
  /** Connections that the senders share: as many processes that raise alerts. */
  clients: number;
}

const MODEL = 'MediWatchReadmit';
const COUNTER = { workflowId: 'counter', taskQueue: 'counter' };

/**
 * Raises alerts as fast as the senders can while the steward's worker is killed and restarted, once in each
 * round; between them, the same number of plain signals goes to a workflow that only counts, on the same server and
 * with the same fate of its worker. The retrain is held meanwhile, since no worker serves its steps; afterwards a whole
 * worker lets it end, so that it is a real one.
 */
export async function benchAlerts({ rounds, alerts, senders, clients: connections }: Options) {
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-bench-'));
  const undo: Array<() => Promise<unknown>> = [() => rm(dir, { recursive: true, force: true })];
  try {
    say('starting Temporal and MLflow');
    const server = await startTemporal({ dbFile: join(dir, 'temporal.db') });
    undo.push(server.stop);
    const mlflow = await startMlflow();
    undo.push(mlflow.stop);
    const clients = await connect(server.address, connections, undo);
    const [client] = clients as [Client];
    const worker = await workerEnvironment(dir, server.address, mlflow.uri);
    const steward = await startVictim([process.execPath, join(PROJECT_ROOT, 'src/worker.ts')], worker);
    undo.push(steward.end);
    const counter = await startCounter(dir, server.address, client);
    undo.push(counter.end);

    const count = Math.ceil(alerts / rounds);
    const rates = { ours: [] as number[], raw: [] as number[] };
    const clientOf = (sender: number) => clients[sender % clients.length] as Client;
    const sides = {
      ours: (round: number) =>
        storm({
          count,
          senders,
          victim: steward,
          send: (number, sender) => raiseAlert(clientOf(sender), MODEL, { key: `alert-${round}-${number}` }),
        }),
      raw: () =>
        storm({
          count,
          senders,
          victim: counter,
          send: (_, sender) => clientOf(sender).workflow.getHandle(COUNTER.workflowId).signal('raw'),
        }),
    };
    const measure = (side: keyof typeof sides) => async (round: number) => {
      const took = await sides[side](round);
      rates[side].push(count / took);
      say(`${side}: ${count} in ${took.toFixed(1)} s`);
    };
    await inTurn(rounds, [measure('ours'), measure('raw')]);

    const sent = count * rounds;
    const state = () => client.workflow.getHandle(workflowIds.steward(MODEL)).query(stewardQuery);
    const told = () => state().catch(() => undefined);
    const limit = { timeoutMs: 60_000, what: 'the steward to count' };
    const { counted } = await until(async () => {
      const now = await told();
      return now && now.counted >= sent ? now : undefined;
    }, limit).catch(state);
    say('a whole worker lets the retrain end');
    const whole = await startVictim([process.execPath, join(PROJECT_ROOT, 'src/worker.ts')], {
      ...worker,
      MEDIWATCH_WORKER_ROLES: 'training,deployment',
    });
    undo.push(whole.end);
    const ended = await until(async () => (await told())?.last, { timeoutMs: 120_000, what: 'the retrain to end' });
    const { retrains, maxHistoryEvents } = await lookAt(client);
    return {
      sent,
      counted,
      retrains,
      maxHistoryEvents,
      throughputToRawSignals: ratio(rates.ours, rates.raw),
      alertsPerSecond: summary(rates.ours),
      rawSignalsPerSecond: summary(rates.raw),
      workerKills: rounds,
      retrainEnded: ended.ending.code,
      senders,
      clients: connections,
    };
  } finally {
    for (const step of undo.reverse()) await step().catch((error: unknown) => say(String(error)));
  }
}

async function connect(address: string, count: number, undo: Array<() => Promise<unknown>>): Promise<Client[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => Connection.connect({ address })));
  undo.push(...connections.map((connection) => () => connection.close()));
  return connections.map((connection) => new Client({ connection, dataConverter: { payloadConverterPath } }));
}

/** A worker of its own settings, which serves workflows and no step. */
async function workerEnvironment(dir: string, address: string, mlflowUri: string): Promise<Record<string, string>> {
  const settings = {
    data: { path: sampleData(dir) },
    search: { trials: 0 },
    promotion: { policy: 'always' },
    deployment: { target: 'none' },
    stack: { dir: join(dir, 'state') },
  };
  const file = join(dir, 'mediwatch.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(settings));
  return {
    MEDIWATCH_CONFIG: file,
    MEDIWATCH_WORKER_ROLES: 'orchestration',
    MEDIWATCH_WORKER_APPLY_SCHEDULES: 'false',
    MEDIWATCH_MLFLOW_URI: mlflowUri,
    MEDIWATCH_TEMPORAL_ADDRESS: address,
  };
}

async function startCounter(dir: string, address: string, client: Client): Promise<Victim> {
  const ignore = () => undefined;
  const logger = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
  const { code } = await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'alerts/counter.ts'), logger });
  const bundle = join(dir, 'counter.js');
  await writeFile(bundle, code);
  await client.workflow.start('counter', COUNTER);
  const program = join(import.meta.dirname, 'alerts/counterWorker.ts');
  return startVictim([process.execPath, program, address, COUNTER.taskQueue, bundle]);
}

/** What the server itself knows: retrains that were started, and the longest history of any run of the steward. */
async function lookAt(client: Client): Promise<{ retrains: number; maxHistoryEvents: number }> {
  let retrains = 0;
  let maxHistoryEvents = 0;
  for await (const { type, workflowId, runId } of client.workflow.list()) {
    if (type === 'retrain') retrains += 1;
    if (type !== 'driftSteward') continue;
    const { historyLength } = await client.workflow.getHandle(workflowId, runId).describe();
    maxHistoryEvents = Math.max(maxHistoryEvents, historyLength);
  }
  return { retrains, maxHistoryEvents };
}
