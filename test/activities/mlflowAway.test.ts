import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { translate } from '../../src/activities/lib/translate.ts';
import { PROJECT_ROOT } from '../../src/config.ts';
import { FAILURES } from '../../src/contracts/errors.ts';
import { createMlflow } from '../../src/systems/mlflow/index.ts';
import { createPool, type Pool } from '../../src/systems/processes/pool.ts';
import { createReaper, type Reaper } from '../../src/systems/processes/reaper.ts';

let folder: string;
let reaper: Reaper;
let processes: Pool;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediwatch-away-'));
  reaper = await createReaper();
  processes = createPool({
    command: [join(PROJECT_ROOT, 'python', '.venv', 'bin', 'python'), '-m', 'mediwatch_training.pool'],
    cwd: folder,
    env: { PYTHONPATH: join(PROJECT_ROOT, 'python') },
    size: 1,
    memoryLimitMb: 4_000,
    logFile: join(folder, 'pool.log'),
    reaper,
  });
});
afterAll(async () => {
  await processes?.close();
  await reaper?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a bundled step, as a training worker does. */
const step = (name: string, input: object) =>
  processes.run({
    step: name,
    input,
    logFile: join(folder, `${name}.log`),
    signal: new AbortController().signal,
    onProgress: () => undefined,
    timeoutMs: 120_000,
  });

/** An address at which nothing listens. */
async function nobody(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return `http://127.0.0.1:${port}`;
}

async function failureOf(failing: Promise<unknown>): Promise<Error> {
  return await failing.then(
    () => expect.unreachable(),
    (error: unknown) => translate(error),
  );
}

it('MLflow that is down is the same failure whether a step or the worker meets it, and is tried again', async () => {
  const rows = Array.from({ length: 300 }, (_, row) => `${row % 7},${row % 2 ? 'yes' : 'no'}`);
  await writeFile(join(folder, 'data.csv'), `size,outcome\n${rows.join('\n')}\n`);
  const datasetDir = join(folder, 'dataset');
  const data = { dataPath: join(folder, 'data.csv'), target: 'outcome', positive: 'yes', group: null };
  await step('prepare', { ...data, outputDir: datasetDir });

  const uri = await nobody();
  const inPython = await failureOf(step('train', { datasetDir, trackingUri: uri }));
  const inWorker = await failureOf(createMlflow({ uri, timeoutMs: 5_000 }).getRun('a'.repeat(32)));
  for (const failure of [inPython, inWorker]) {
    expect(failure).toMatchObject({ type: 'MlflowUnavailable', nonRetryable: false });
    expect(failure.message).toContain(FAILURES.MlflowUnavailable.next);
  }
}, 180_000);
