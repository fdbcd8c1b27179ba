import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Part, type Supervised, type SuperviseOptions, supervise } from '../../src/stack/supervise.ts';
import { freePort } from '../../src/systems/ports.ts';
import { createReaper, type Reaper } from '../../src/systems/processes/reaper.ts';
import { until } from '../support/until.ts';

let logFolder: string;
let reaper: Reaper;
let announced: string[];
let running: Supervised | undefined;

beforeEach(async () => {
  logFolder = mkdtempSync(join(tmpdir(), 'mediwatch-stack-'));
  reaper = await createReaper();
  announced = [];
  running = undefined;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await running?.stop();
  await reaper.close();
  rmSync(logFolder, { recursive: true });
});

/** A part that writes "ready <pid>" and does what the script says. */
function part(script: string, overrides: Partial<Part> = {}): Part {
  return {
    name: 'worker',
    title: 'Worker',
    ports: [],
    after: [],
    command: [process.execPath, '-e', `console.log('ready', process.pid); ${script}`],
    env: {},
    isReady: ({ log }) => log().includes('ready'),
    isAlive: async () => true,
    startTimeoutMs: 20_000,
    stopGraceMs: 2_000,
    ...overrides,
  };
}

const RUNS = 'setInterval(() => {}, 1000);';

async function start(
  what: Part,
  signal = new AbortController().signal,
  more: Partial<SuperviseOptions> = {},
): Promise<void> {
  const options: SuperviseOptions = { logFolder, reaper, announce: (line) => announced.push(line), signal, ...more };
  running = await supervise(what, options);
}

const readLog = (name = 'worker.log') => readFileSync(join(logFolder, name), 'utf8');
const pids = () => [...readLog().matchAll(/ready (\d+)/g)].map(([, pid]) => Number(pid));

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a part that dies is started again, and both are announced', async () => {
  await start(part(RUNS));
  const [first] = pids();
  process.kill(first ?? 0, 'SIGKILL');
  await until(() => announced.length === 2, { timeoutMs: 20_000, what: 'the part to be back' });
  expect(announced[0]).toContain('Worker ended unexpectedly (ended by SIGKILL); it is started again.');
  expect(announced[1]).toBe('Worker is back.');
  expect(isAlive(pids()[1])).toBe(true);
});

describe('a part that runs and does not answer any more is ended and started again, and both are announced', () => {
  const aliveProbe = { intervalMs: 200, limitMs: 300, misses: 3 };
  const never = new AbortController().signal;

  async function expectRestartAfter(halt: (pid: number) => void, what: Part): Promise<void> {
    await start(what, never, { aliveProbe });
    const [first] = pids();
    halt(first ?? 0);
    await until(() => announced.length === 2, { timeoutMs: 20_000, what: 'the part to be back' });
    expect(announced[0]).toMatch(/^Worker runs but has not answered for [1-9]\d* s; it is started again\. Its log: /);
    expect(announced[1]).toBe('Worker is back.');
    expect(isAlive(first)).toBe(false);
    expect(isAlive(pids()[1])).toBe(true);
  }

  const stop = (pid: number) => process.kill(pid, 'SIGSTOP');
  const ANSWERS_PINGS = "process.on('message', (ping) => process.send(ping));";

  test('when it is stopped, and answers requests otherwise', async () => {
    const port = await freePort(new Set());
    const url = `http://127.0.0.1:${port}/`;
    const answers = () =>
      fetch(url, { signal: AbortSignal.timeout(300) }).then(
        ({ ok }) => ok,
        () => false,
      );
    const server = `require('http').createServer((_, answer) => answer.end()).listen(${port}, '127.0.0.1');`;
    await expectRestartAfter(stop, part(server, { isReady: answers, isAlive: answers }));
  });

  test('when it is stopped, and answers pings otherwise', async () => {
    await expectRestartAfter(stop, part(`${ANSWERS_PINGS} ${RUNS}`, { isAlive: 'ping' }));
  });

  test('when its event loop is blocked', async () => {
    const blocks = `${ANSWERS_PINGS} process.on('SIGUSR2', () => { for (;;); }); ${RUNS}`;
    await expectRestartAfter((pid) => process.kill(pid, 'SIGUSR2'), part(blocks, { isAlive: 'ping' }));
  });

  test('but not one that misses a probe and answers the next', async () => {
    let probes = 0;
    const isAlive = async () => ++probes % 3 === 0;
    await start(part(RUNS, { isAlive }), never, { aliveProbe: { ...aliveProbe, intervalMs: 20 } });
    await until(() => probes > 30, { timeoutMs: 20_000, what: 'many probes' });
    expect(announced).toEqual([]);
    expect(pids()).toHaveLength(1);
  });
});

test('stop ends it, and it is not started again', async () => {
  await start(part(RUNS));
  await running?.stop();
  running = undefined;
  expect(isAlive(pids()[0])).toBe(false);
  expect(pids()).toHaveLength(1);
  expect(announced).toEqual([]);
});

test('a part that ignores SIGTERM is killed after its time of grace', async () => {
  await start(part(`process.on('SIGTERM', () => {}); ${RUNS}`, { stopGraceMs: 300 }));
  await running?.stop();
  running = undefined;
  expect(isAlive(pids()[0])).toBe(false);
});

test('one that ends before it is ready is reported with its last lines and its log', async () => {
  const failing = part("console.error('no such table'); process.exit(3);", { isReady: () => false });
  const failure = await start(failing).catch((error) => error);
  expect(failure.message).toContain('Worker did not start (exit code 3)');
  expect(failure.message).toContain('no such table');
  expect(failure.message).toContain(join(logFolder, 'worker.log'));
});

test('one that does not become ready in its time is told, and does not go on running', async () => {
  const silent = part(RUNS, { isReady: () => false, startTimeoutMs: 1_000 });
  await expect(start(silent)).rejects.toThrow('not ready after 1 s');
  expect(isAlive(pids()[0])).toBe(false);
});

test('a clock that is set forward during a start does not end it', async () => {
  let probes = 0;
  let time = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => (time += 3_600_000));
  await start(part(RUNS, { isReady: () => ++probes > 3 }));
  expect(isAlive(pids()[0])).toBe(true);
});

test('a start that is interrupted leaves nothing behind', async () => {
  const interruption = new AbortController();
  const starting = start(part(RUNS, { isReady: () => false }), interruption.signal);
  await until(() => pids().length > 0, { timeoutMs: 20_000, what: 'the part to run' });
  interruption.abort();
  await expect(starting).rejects.toThrow('was stopped while it started');
  expect(isAlive(pids()[0])).toBe(false);
});

test('a program that does not exist is reported', async () => {
  await expect(start(part('', { command: ['/nowhere/program'] }))).rejects.toThrow(
    '/nowhere/program could not be started',
  );
});

test('the logs of three earlier starts are kept', async () => {
  for (let round = 0; round < 5; round += 1) {
    await start(part(`console.log('round ${round}'); ${RUNS}`));
    await until(() => readLog().includes('round'), { timeoutMs: 10_000, what: 'its line' });
    await running?.stop();
    running = undefined;
  }
  expect(['', '.1', '.2', '.3'].map((age) => /round (\d)/.exec(readLog(`worker${age}.log`))?.[1])).toEqual([
    '4',
    '3',
    '2',
    '1',
  ]);
  expect(() => readLog('worker.4.log')).toThrow();
});
