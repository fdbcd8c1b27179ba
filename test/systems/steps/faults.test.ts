import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { removeStaleWork } from '../../../src/systems/steps/place.ts';
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

  it('by its time-out is reported as such, and tried again where attempts are set', async () => {
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

describe('what a command wrote to its result file', () => {
  const tells = `echo '{{"error": {{"type": "StepFailed", "message": "told"}}}}' > $MEDIWATCH_RESULT`;
  const half = `printf '{{"error": {{"type": "Ste' > $MEDIWATCH_RESULT`;
  const run = async (script: string, step: object = {}, signal?: AbortSignal) => {
    project = open({ command: ['sh', '-c', script], ...step });
    bench = await createStepBench(project.config);
    return await bench.call('runExtraStep', { ...EXTRA, name: 'work', key: 'k' }, signal ? { signal } : {});
  };
  const onTerm = `trap "${tells.replaceAll('"', '\\"').replaceAll('$', '\\$')}; exit 1" TERM; touch begun; while :; do sleep 0.1; done`;

  it('is why it failed', async () => {
    await expect(run(`${tells}; exit 3`)).rejects.toMatchObject({ message: expect.stringContaining('told') });
  });

  it('hides neither its time-out nor its cancellation when it wrote that while it was stopped', async () => {
    await expect(run(onTerm, { timeout: 2 })).rejects.toMatchObject({ type: 'StepTimedOut' });
    await bench?.close();
    project.remove();
    const cancelled = new AbortController();
    const failed = expect(run(onTerm, {}, cancelled.signal)).rejects.toThrow(/cancelled/);
    await until(() => existsSync(join(project.dir, 'begun')), { timeoutMs: 30_000, what: 'the script to run' });
    cancelled.abort();
    await failed;
  });

  it('is nothing when it was killed meanwhile: another attempt may end well', async () => {
    await expect(run(`${half}; kill -9 $$`)).rejects.toMatchObject({ message: expect.stringContaining('SIGKILL') });
    await bench?.close();
    project.remove();
    await expect(run(`${half}; exit 3`)).rejects.toMatchObject({ message: expect.stringContaining('exit code 3') });
  });
});

describe('commands that write into the project', () => {
  /** Two at once, each with its number as the seed; tells what each found in the file at its end. */
  async function writeBoth(script: string, outputs: object): Promise<unknown[]> {
    project = createProject({
      extraSteps: [1, 2].map((number) => ({
        name: `writer${number}`,
        before: 'prepareData',
        command: ['sh', '-c', script, '{seed}', `{workDir}/../../seen${number}`],
        outputs,
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
    return [1, 2].map((number) => JSON.parse(readFileSync(join(work, host, `seen${number}`), 'utf8')));
  }

  it.each([
    ['metrics.json', 'metrics.json'],
    ['{project}/metrics.json', 'metrics.json'],
    ['metrics_{model}.json', 'metrics_hgb.json'],
  ])(
    'wait for one another when %s is the same file, so that none reads the metrics of the other',
    async (file, name) => {
      const script = `echo "{{\\"auc\\": $0}}" > ${name}; sleep 0.3; cat ${name} > $1`;
      expect(await writeBoth(script, { file })).toEqual([{ auc: 1 }, { auc: 2 }]);
    },
  );

  it('do not wait when their files differ', async () => {
    const meet = 'touch $0.begun; until [ -e 1.begun ] && [ -e 2.begun ]; do sleep 0.1; done; echo $0 > $1';
    expect(await writeBoth(meet, { file: 'metrics_{seed}.json' })).toEqual([1, 2]);
  });

  it('do not wait for themselves when two of their outputs are one file', async () => {
    expect(await writeBoth('echo $0 > $1', { file: 'out.json', modelFile: './out.json' })).toEqual([1, 2]);
  });
});
