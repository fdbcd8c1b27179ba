import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { execa } from 'execa';
import { BUNDLED_PYTHON, loadConfig, PROJECT_ROOT, PYTHON_ROOT } from '../src/config.ts';
import { TASK_QUEUES, workflowIds } from '../src/contracts/names.ts';
import type { Progress } from '../src/contracts/progress.ts';
import { progressQuery } from '../src/contracts/progress.ts';
import type { RetrainResult } from '../src/contracts/workflows.ts';
import { codecOf } from '../src/systems/encryption.ts';
import { clientOptions } from '../src/systems/temporal.ts';
import { createTestStack, type TestStack } from '../test/support/stack.ts';
import { inTurn, ratio, say, summaries, summary } from './figures.ts';

interface Ours {
  /** From the start of the workflow to the registered version (s). */
  registered: number;
  stages: Record<string, number>;
  /** Mean time of a trial that was not spent in the step itself (s). */
  overheadPerTrial: number;
  testAuc: number;
}

/** Who searches in the plain script; the peers prune as we do. */
type Search = 'plain' | 'optuna' | 'ray';

/**
 * Runs the plain script and our retrain in turn, on a stack of their own, and compares the time from the start to the
 * registered version. Data are prepared anew each time.
 *
 * @param options.peers 1: also the plain script with the searches of others
 */
export async function benchRetrain({ trials, rounds, peers }: { trials: number; rounds: number; peers: number }) {
  const searches: Search[] = peers ? ['plain', 'optuna', 'ray'] : ['plain'];
  const ray = peers ? await withRay() : OURS;
  const stack = await createTestStack();
  try {
    say('starting a stack');
    await stack.start().up();
    const scripts: Record<Search, Script[]> = { plain: [], optuna: [], ray: [] };
    const ours: Ours[] = [];
    await inTurn(rounds, [
      ...searches.map((search) => async (round: number) => {
        const python = search === 'ray' ? ray : OURS;
        scripts[search].push(await plainScript(stack, { python, search, trials, round }));
      }),
      async () => void ours.push(await retrain(stack, trials)),
    ]);
    const registered = ours.map((run) => run.registered);
    const secondsOf = (search: Search) => scripts[search].map(({ seconds }) => seconds);
    const plain = secondsOf('plain');
    const others = peers && {
      ratioToOptunaWithJoblib: ratio(registered, secondsOf('optuna')),
      ratioToRayTune: ratio(registered, secondsOf('ray')),
      peersTestAuc: summaries(
        scripts.optuna.map(({ testAuc }, round) => ({
          optuna: testAuc,
          ray: scripts.ray[round]?.testAuc ?? Number.NaN,
        })),
      ),
    };
    return {
      ratioToPlainScript: ratio(registered, plain),
      ...others,
      overheadSecondsPerTrial: summary(ours.map((run) => run.overheadPerTrial)),
      retrainSeconds: summary(registered),
      plainScriptSeconds: summary(plain),
      stageSeconds: summaries(ours.map((run) => run.stages)),
      testAuc: summary(ours.map((run) => run.testAuc)),
      plainScriptTestAuc: summary(scripts.plain.map(({ testAuc }) => testAuc)),
      trials,
    };
  } finally {
    await stack.dispose();
  }
}

interface Script {
  /** From its start to its end. */
  seconds: number;
  testAuc: number;
}

/** The same functions in one plain process with the same concurrency. */
async function plainScript(
  stack: TestStack,
  { python, search, trials, round }: { python: Python; search: Search; trials: number; round: number },
): Promise<Script> {
  const config = loadConfig({ ...process.env, ...stack.env }, PROJECT_ROOT);
  say(`plain script, ${search}`);
  const startedAt = performance.now();
  const flags = {
    data: join(PROJECT_ROOT, config.data.path),
    trials,
    jobs: config.worker.slots,
    search,
    'tracking-uri': config.mlflow.uri,
    'registered-model': 'Plain',
    out: join(stack.dir, `${search}-${round}`),
  };
  const { stdout } = await execa(
    python.program,
    [join(PYTHON_ROOT, 'plain_script.py'), ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)],
    { env: { PYTHONPATH: python.path, OMP_WAIT_POLICY: 'PASSIVE' } },
  );
  const seconds = (performance.now() - startedAt) / 1000;
  say(`plain script, ${search}: ${seconds.toFixed(1)} s`);
  const { testAuc } = JSON.parse(stdout.split('\n').at(-1) ?? '') as Script;
  return { seconds, testAuc };
}

const RAY = 'ray[tune]==2.60.0';

interface Python {
  program: string;
  /** Where it finds packages beside its own. */
  path: string;
}
const OURS: Python = { program: BUNDLED_PYTHON, path: PYTHON_ROOT };

/** A Python of its own that has Ray beside our packages, which it finds where they are. */
async function withRay(): Promise<Python> {
  const folder = join(PROJECT_ROOT, '.mediwatch', 'bench', 'ray');
  say(`${RAY} in ${folder}`);
  await execa(BUNDLED_PYTHON, ['-m', 'venv', folder]);
  const program = join(folder, 'bin', 'python');
  const script = 'import sysconfig; print(sysconfig.get_path("purelib"))';
  const { stdout: packages } = await execa(BUNDLED_PYTHON, ['-c', script]);
  await execa(program, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', RAY], {
    env: { PYTHONPATH: packages },
  });
  return { program, path: [PYTHON_ROOT, packages].join(':') };
}

async function retrain(stack: TestStack, trials: number): Promise<Ours> {
  const config = loadConfig({ ...process.env, ...stack.env }, PROJECT_ROOT);
  const connection = await Connection.connect({ address: config.temporal.address });
  const client = new Client({ connection, ...clientOptions(config) });
  say('retrain');
  const startedAt = Date.now();
  const handle = await client.workflow.start('retrain', {
    workflowId: workflowIds.started('retrain', new Date()),
    taskQueue: TASK_QUEUES.orchestration,
    args: [{ trials, force: true }],
  });
  const { version } = (await handle.result()) as RetrainResult;
  const progress = await handle.query<Progress, []>(progressQuery);
  const search = client.workflow.getHandle(workflowIds.stage(handle.workflowId, 'hyperparameterSearch'));
  const overheadPerTrial = trials === 0 ? 0 : await trialOverhead(search, codecOf(config));
  await connection.close();

  const stages = Object.fromEntries(
    progress.stages.map(({ name, startedAt = 0, endedAt = 0 }) => [name, (endedAt - startedAt) / 1000]),
  );
  const trained = progress.stages.find(({ name }) => name === 'trainBestAndRegister');
  const registered = ((trained?.endedAt ?? Number.NaN) - startedAt) / 1000;
  say(
    `retrain: ${registered.toFixed(1)} s to the registered version, ${((Date.now() - startedAt) / 1000).toFixed(1)} s in all`,
  );
  return { registered, stages, overheadPerTrial, testAuc: version.metrics.test_auc ?? Number.NaN };
}

/**
 * From the history: the time from scheduling a trial, and each of its rungs, to the result, less the seconds that the step
 * itself counted.
 */
async function trialOverhead(
  search: ReturnType<Client['workflow']['getHandle']>,
  codec: PayloadCodec,
): Promise<number> {
  const { events } = await search.fetchHistory();
  const scheduled = new Map<string, number>();
  let trials = 0;
  let overhead = 0;
  for (const event of events ?? []) {
    const time = Number(event.eventTime?.seconds ?? 0) + (event.eventTime?.nanos ?? 0) / 1e9;
    if (/^run(Trial|Rung)$/.test(event.activityTaskScheduledEventAttributes?.activityType?.name ?? '')) {
      scheduled.set(String(event.eventId), time);
    }
    const completed = event.activityTaskCompletedEventAttributes;
    const start = scheduled.get(String(completed?.scheduledEventId));
    const [payload] = await codec.decode(completed?.result?.payloads ?? []);
    if (start === undefined || !payload?.data) continue;
    const result = JSON.parse(Buffer.from(payload.data).toString()) as Partial<TrialEnd & RungEnd>;
    overhead += time - start - (result.metrics?.trial_seconds ?? result.seconds ?? Number.NaN);
    // The last activity of a trial; one whose rung let it go on has another.
    if (result.pruned !== false) trials += 1;
  }
  return overhead / trials;
}

interface TrialEnd {
  metrics: Record<string, number>;
}
interface RungEnd {
  seconds: number;
  pruned: boolean;
}
