import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { removeStaleWork } from '../../../src/systems/steps/workFolders.ts';
import { createProject, type TestProject } from '../../support/project.ts';
import { until } from '../../support/until.ts';
import { untilGone } from '../processes/support.ts';
import { createStepBench, type StepBench } from './bench.ts';

let project: TestProject;
let bench: StepBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
  project?.remove();
});

const EXTRA = {
  data: 'data.csv',
  model: 'hgb',
  seed: 1,
  dataset: null,
  version: null,
  registeredModel: 'MediWatchReadmit',
};

function open(step: object = {}): TestProject {
  const command = ['python3', 'stubborn.py', '{workDir}/../../pids'];
  return createProject({
    extraSteps: [{ name: 'work', before: 'prepareData', command, ...step }],
    worker: { slots: 1 },
  });
}

/** Pids that the stubborn script has written below the project's state. */
async function pids(): Promise<number[]> {
  const work = join(project.dir, '.mediwatch', 'work');
  const found = () =>
    existsSync(work)
      ? (readdirSync(work, { recursive: true }) as string[]).find((name) => name.endsWith('/pids'))
      : undefined;
  const name = await until(found, { timeoutMs: 30_000, what: 'the script to run' });
  return readFileSync(join(work, name), 'utf8').split(' ').map(Number);
}

const attempts = () =>
  (readdirSync(join(project.dir, '.mediwatch', 'work'), { recursive: true }) as string[]).filter((name) =>
    /extra-work-\d+-\d+$/.test(name),
  );

describe('a command that is stopped', () => {
  it('by a cancellation leaves no process, no folder, and its slot to the next', async () => {
    project = open({ isolate: 'copy' });
    bench = await createStepBench(project.config);
    const cancelled = new AbortController();
    const running = bench.call('runExtraStep', { ...EXTRA, name: 'work', key: 'k' }, { signal: cancelled.signal });
    const failed = expect(running).rejects.toThrow(/cancelled/);
    const started = await pids();
    cancelled.abort();
    await failed;
    await untilGone(started, 100);
    expect(attempts()).toEqual([]);

    const step = project.config.extraSteps[0];
    if (step) step.command = ['true'];
    await bench.call('runExtraStep', { ...EXTRA, name: 'work', key: 'k2' }, { activityId: '2' });
  });

  it('by its time-out is told as such, and tried again where attempts are set', async () => {
    project = open({ timeout: 3 });
    bench = await createStepBench(project.config);
    const call = () => bench?.call('runExtraStep', { ...EXTRA, name: 'work', key: 'k' });
    await expect(call()).rejects.toMatchObject({ type: 'StepTimedOut', nonRetryable: true });
    await untilGone(await pids(), 100);
    const step = project.config.extraSteps[0];
    if (step) step.attempts = 2;
    await expect(call()).rejects.toMatchObject({ type: 'CommandFailed', nonRetryable: false });
  });

  it('by kill -9 of its worker leaves no process, and its folder goes when the next worker starts', async () => {
    project = open({ isolate: 'copy' });
    const worker = spawn(process.execPath, [join(import.meta.dirname, 'fixtures', 'worker.ts'), project.dir], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const started = await pids();
    const exited = once(worker, 'exit');
    worker.kill('SIGKILL');
    await exited;
    await untilGone(started, 20_000);
    expect(attempts()).toHaveLength(1);
    await removeStaleWork(project.config);
    expect(attempts()).toEqual([]);
  });
});

describe('commands that write the same file of the project', () => {
  it('wait for one another, so that none reads the metrics of the other', async () => {
    const command = ['sh', '-c', 'echo "{{\\"auc\\": $0}}" > metrics.json; sleep 0.3; cat metrics.json > $1', '{seed}'];
    project = createProject({
      extraSteps: [1, 2].map((number) => ({
        name: `writer${number}`,
        before: 'prepareData',
        command: [...command, `{workDir}/../../seen${number}`],
        outputs: { file: 'metrics.json' },
      })),
    });
    const opened = await createStepBench(project.config);
    bench = opened;
    const write = (number: number) =>
      opened.call(
        'runExtraStep',
        { ...EXTRA, name: `writer${number}`, seed: number, key: `w${number}` },
        { activityId: String(number) },
      );
    await Promise.all([write(1), write(2)]);
    const work = join(project.dir, '.mediwatch', 'work');
    const [host = ''] = readdirSync(work);
    for (const number of [1, 2]) {
      expect(JSON.parse(readFileSync(join(work, host, `seen${number}`), 'utf8'))).toEqual({ auc: number });
    }
  });
});
