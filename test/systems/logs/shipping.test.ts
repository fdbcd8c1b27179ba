import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaNode } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, openBackend } from '../../../src/systems/artifacts/index.ts';
import { createLogShipper, type LogOrigin, type LogShipper, removeOldLogs } from '../../../src/systems/logs/index.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';
import { until } from '../../support/until.ts';
import { ORIGIN, readAll } from './support.ts';

let server: MlflowServer;
/** New for each test. */
let dir: string;
let shippers: LogShipper[];

beforeAll(async () => {
  server = await startMlflow();
}, 150_000);

afterAll(async () => {
  await server?.stop();
}, 30_000);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-logs-'));
  await mkdir(join(dir, 'shared'));
  shippers = [];
});

afterEach(async () => {
  await Promise.all(shippers.map((shipper) => shipper.close(0)));
  await rm(dir, { recursive: true, force: true });
});

const storeOf = (kind: 'mlflow' | 'folder') =>
  openBackend({
    store: kind === 'mlflow' ? 'mlflow' : join(dir, 'shared'),
    mlflowUri: server.uri,
    cacheDir: '',
    timeoutMs: 20_000,
  });

/** What the shipper says of its store, in order. */
function shipperOn(backend: Backend, options: { limitBytes?: number; marks?: string } = {}) {
  const said: string[] = [];
  const { limitBytes, marks = 'marks' } = options;
  const shipper = createLogShipper({
    backend,
    marksFolder: join(dir, marks),
    onTrouble: () => said.push('trouble'),
    onRecovery: () => said.push('recovery'),
    intervalMs: 20,
    ...(limitBytes !== undefined && { limitBytes }),
  });
  shippers.push(shipper);
  return { shipper, said };
}

const line = (text: string | number) => `2026-01-31T02:00:00.000Z ${text}`;
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => line(from + index));
const write = (file: string, all: readonly string[]) => appendFile(file, all.map((text) => `${text}\n`).join(''));
const shipped = (backend: Backend, count: number, workflowId = ORIGIN.workflowId) =>
  until(async () => (await readAll(backend, workflowId)).lines.length >= count, {
    timeoutMs: 20_000,
    what: `${count} lines in the store`,
  });

describe.each(['folder', 'mlflow'] as const)('logs shipped to the store %s', (kind) => {
  const origin = (own: Partial<LogOrigin> = {}): LogOrigin => ({ ...ORIGIN, workflowId: `${kind}/stage`, ...own });

  it('can be read while they are written, in order and whole, from any host', async () => {
    const backend = storeOf(kind);
    const { shipper } = shipperOn(backend);
    const file = join(dir, 'one.log');
    const log = shipper.open(origin(), file);
    await write(file, lines(0, 10));
    await shipped(backend, 10, kind);
    for (let index = 10; index < 500; index += 7) await write(file, lines(index, Math.min(500, index + 7)));
    await appendFile(file, line('größe without an end'));
    log.close('failed', 'exit code 3');
    await shipped(backend, 501, kind);
    const { lines: read, entries } = await readAll(storeOf(kind), kind);
    expect(read).toEqual([...lines(0, 500), line('größe without an end')]);
    expect(entries).toEqual([
      expect.objectContaining({
        ...origin(),
        file,
        state: 'failed',
        reason: 'exit code 3',
        size: (await stat(file)).size,
      }),
    ]);
    await until(async () => (await readdir(join(dir, 'marks'))).length === 0, { timeoutMs: 5_000, what: 'no marks' });
  }, 60_000);

  it('are found by the id of the workflow or of any above it, and by no other', async () => {
    const backend = storeOf(kind);
    const { shipper } = shipperOn(backend);
    const ids = [`${kind}-x`, `${kind}-x/a`, `${kind}-x/a/b`, `${kind}-x2`, `${kind}-x%2Fa`, `${kind}-ö ..?#`];
    for (const [index, workflowId] of ids.entries()) {
      const file = join(dir, `${index}.log`);
      await writeFile(file, '');
      const log = shipper.open(origin({ workflowId }), file);
      await write(file, [line(index)]);
      log.close('completed');
    }
    for (const workflowId of ids) await shipped(backend, 1, workflowId);
    const numbers = async (id: string) => (await readAll(backend, id)).lines.map((text) => Number(text.slice(25)));
    expect(await numbers(`${kind}-x`)).toEqual([0, 1, 2]);
    expect(await numbers(`${kind}-x/a`)).toEqual([1, 2]);
    expect(await numbers(`${kind}-x/a/b`)).toEqual([2]);
    expect(await numbers(`${kind}-x2`)).toEqual([3]);
    expect(await numbers(`${kind}-x%2Fa`)).toEqual([4]);
    expect(await numbers(`${kind}-ö ..?#`)).toEqual([5]);
    expect(await numbers(`${kind}-none`)).toEqual([]);
  }, 60_000);

  it('that are older than they are kept go, and the others stay', async () => {
    const backend = storeOf(kind);
    const { shipper } = shipperOn(backend);
    const [old, young] = [join(dir, 'steps/old/a.log'), join(dir, 'steps/young/a.log')];
    const root = `${kind}-aged`;
    for (const [file, workflowId] of [
      [old, `${root}/old`],
      [young, `${root}/young`],
    ] as const) {
      await mkdir(join(file, '..'), { recursive: true });
      await writeFile(file, '');
      const log = shipper.open(origin({ workflowId }), file);
      await write(file, [line(workflowId)]);
      log.close('completed');
      await shipped(backend, 1, workflowId);
    }
    const after = Date.now() + 1;
    const then = new Date(after - 60_000);
    await utimes(old, then, then);
    const { signal } = new AbortController();
    const remove = (before: number) => removeOldLogs({ backend, folders: [join(dir, 'steps')], before, signal });
    await remove(after - 30_000);
    expect(await readdir(join(dir, 'steps'))).toEqual(['young']);
    expect((await readAll(backend, root)).lines).toHaveLength(2);
    await remove(after + 60_000);
    expect(await readdir(join(dir, 'steps'))).toEqual([]);
    expect((await readAll(backend, root)).lines).toEqual([]);
    expect(await backend.list('mediwatch/logs', {})).toEqual([]);
  }, 60_000);
});

describe('shipping', () => {
  it('begins where an earlier log of the same file ended', async () => {
    const backend = storeOf('folder');
    const file = join(dir, 'again.log');
    await write(file, lines(0, 5));
    const { shipper } = shipperOn(backend);
    shipper.open(ORIGIN, file);
    await write(file, lines(5, 8));
    await shipped(backend, 3);
    expect((await readAll(backend, ORIGIN.workflowId)).lines).toEqual(lines(5, 8));
  });

  it('puts what is new in many short logs into few objects, and lists those that said nothing', async () => {
    const backend = storeOf('folder');
    let puts = 0;
    const counted: Backend = {
      ...backend,
      async put(...args) {
        puts += 1;
        await backend.put(...args);
      },
    };
    const { shipper } = shipperOn(counted);
    for (let index = 0; index < 100; index++) {
      const file = join(dir, `trial-${index}.log`);
      const log = shipper.open({ ...ORIGIN, step: `trial-${index}`, activityId: String(index) }, file);
      if (index % 2 === 0) await write(file, [line(index)]);
      log.close('completed');
    }
    await shipped(backend, 50);
    await shipper.close(5_000);
    const { entries } = await readAll(backend, ORIGIN.workflowId);
    expect(entries.map(({ step, state }) => `${step} ${state}`).sort()).toEqual(
      Array.from({ length: 100 }, (_, index) => `trial-${index} completed`).sort(),
    );
    expect(puts).toBeLessThan(30);
  });

  it('of a flood is bounded: its beginning and its end are in the store, and readers are told where the rest is', async () => {
    const backend = storeOf('folder');
    const { shipper } = shipperOn(backend, { limitBytes: 1024 * 1024 });
    const file = join(dir, 'flood.log');
    const log = shipper.open(ORIGIN, file);
    const flood = Array.from({ length: 120_000 }, (_, index) => line(`${index} ${'x'.repeat(40)}`));
    await write(file, flood);
    log.close('failed', 'too loud');
    await shipper.close(20_000);
    const { events, lines: read, entries } = await readAll(backend, ORIGIN.workflowId);
    const size = read.join('\n').length;
    expect(size).toBeGreaterThan(1024 * 1024);
    expect(size).toBeLessThan(1.5 * 1024 * 1024);
    expect(read[0]).toBe(flood[0]);
    expect(read.at(-1)).toBe(flood.at(-1));
    expect(flood).toEqual(expect.arrayContaining([read.at(-500)]));
    const leftOut = events.flatMap((event) => (event.kind === 'leftOut' ? [event.bytes] : []));
    expect(leftOut).toEqual([null, expect.any(Number)]);
    expect((leftOut[1] as number) + read.map((text) => text.length + 1).reduce((a, b) => a + b)).toBe(
      (await stat(file)).size,
    );
    expect(entries).toMatchObject([{ state: 'failed', reason: 'too loud', size: (await stat(file)).size, file }]);
  });

  it('waits while the store is away, and then catches up', async () => {
    const backend = storeOf('mlflow');
    const { shipper, said } = shipperOn(backend);
    const workflowId = 'away';
    const file = join(dir, 'away.log');
    const log = shipper.open({ ...ORIGIN, workflowId }, file);
    await write(file, lines(0, 3));
    await shipped(backend, 3, workflowId);
    await server.kill9();
    await write(file, lines(3, 9));
    await until(() => said.length > 0, { timeoutMs: 30_000, what: 'the trouble to be reported' });
    const before = performance.now();
    const other = shipper.open({ ...ORIGIN, workflowId, step: 'other' }, join(dir, 'other.log'));
    other.close('completed');
    expect(performance.now() - before).toBeLessThan(100);
    await server.restart();
    await write(file, lines(9, 12));
    log.close('completed');
    await shipped(backend, 12, workflowId);
    const { lines: read, entries } = await readAll(backend, workflowId);
    expect(read).toEqual(lines(0, 12));
    expect(entries.map(({ step, state }) => [step, state])).toEqual([
      ['trial-7', 'completed'],
      ['other', 'completed'],
    ]);
    expect(said).toEqual(['trouble', 'recovery']);
  }, 240_000);

  it('that fails after the store has taken it gives no line twice', async () => {
    const backend = storeOf('folder');
    let calls = 0;
    const forgetful: Backend = {
      ...backend,
      async put(...args) {
        await backend.put(...args);
        calls += 1;
        if (calls % 2 === 1) throw new Error('The answer was lost.');
      },
    };
    const { shipper } = shipperOn(forgetful);
    const file = join(dir, 'twice.log');
    const log = shipper.open(ORIGIN, file);
    await write(file, lines(0, 4));
    await shipped(backend, 4);
    await write(file, lines(4, 9));
    log.close('completed');
    await shipper.close(10_000);
    expect((await readAll(backend, ORIGIN.workflowId)).lines).toEqual(lines(0, 9));
  });

  it('is complete also when it is closed while a segment is on its way', async () => {
    const backend = storeOf('folder');
    const begun = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const slow: Backend = {
      ...backend,
      async put(...args) {
        begun.resolve();
        await released.promise;
        await backend.put(...args);
      },
    };
    const { shipper } = shipperOn(slow);
    const file = join(dir, 'late.log');
    const log = shipper.open(ORIGIN, file);
    await begun.promise;
    await write(file, lines(0, 5));
    log.close('completed');
    const closed = shipper.close(10_000);
    released.resolve();
    await closed;
    const { lines: read, entries } = await readAll(backend, ORIGIN.workflowId);
    expect(read).toEqual(lines(0, 5));
    expect(entries).toMatchObject([{ state: 'completed' }]);
  });

  it('of half a segment, as a broken upload leaves it, waits for the whole', async () => {
    const backend = storeOf('folder');
    const { shipper } = shipperOn(backend);
    const file = join(dir, 'half.log');
    shipper.open(ORIGIN, file);
    await write(file, lines(0, 3));
    await shipped(backend, 3);
    const folder = join(dir, 'shared/mediwatch/logs/nightly~201/hyperparameterSearch/~run-aaaaaaaa');
    for (const name of await readdir(folder)) {
      const content = await readFile(join(folder, name));
      await writeFile(join(folder, name), content.subarray(0, content.length - 8));
    }
    expect((await readAll(backend, ORIGIN.workflowId)).lines).toEqual([]);
  });

  it('that a kill -9 interrupted is finished by the next worker of the host, each line once', async () => {
    const backend = storeOf('folder');
    const file = join(dir, 'killed.log');
    const args = [join(dir, 'shared'), join(dir, 'marks'), file];
    const killed = execaNode(join(import.meta.dirname, 'fixtures/ship.ts'), args, { reject: false });
    await until(async () => (await readAll(backend, ORIGIN.workflowId)).entries.length > 0, {
      timeoutMs: 20_000,
      what: 'the log to be announced',
    });
    await write(file, lines(0, 5));
    await shipped(backend, 5);
    killed.kill('SIGKILL');
    await killed;
    await write(file, lines(5, 20));
    expect((await readAll(backend, ORIGIN.workflowId)).entries).toMatchObject([{ state: 'running' }]);

    const { shipper } = shipperOn(backend);
    await shipped(backend, 20);
    await shipper.close(5_000);
    const { lines: read, entries } = await readAll(backend, ORIGIN.workflowId);
    expect(read).toEqual(lines(0, 20));
    expect(entries).toMatchObject([{ state: 'lost', reason: 'The worker died.' }]);
    expect(await readdir(join(dir, 'marks'))).toEqual([]);
  }, 60_000);

  it('ends within its limit when the store hangs, and the next worker ships what was left', async () => {
    const backend = storeOf('folder');
    const hanging: Backend = { ...backend, put: () => new Promise(() => undefined) };
    const { shipper } = shipperOn(hanging);
    const file = join(dir, 'left.log');
    const log = shipper.open(ORIGIN, file);
    await write(file, lines(0, 5));
    log.close('completed');
    await shipper.close(200);
    expect((await readAll(backend, ORIGIN.workflowId)).entries).toEqual([]);
    const next = shipperOn(backend).shipper;
    await shipped(backend, 5);
    await next.close(5_000);
    expect((await readAll(backend, ORIGIN.workflowId)).entries).toMatchObject([{ state: 'completed', reason: '' }]);
  });
});
