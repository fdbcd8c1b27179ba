import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../../src/config.ts';
import { until } from '../../support/until.ts';
import { type Checkout, createCheckout } from './checkout.ts';

let checkout: Checkout;
beforeEach(() => {
  checkout = createCheckout();
});
afterEach(() => checkout.dispose());

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Kills set-up with kill -9 once the fake has begun, and waits until the fake is gone as well. */
async function killDuring(
  what: 'npm' | 'pip',
  env: Record<string, string>,
  child = checkout.start([], env),
): Promise<void> {
  const pid = await until(() => checkout.pid(what), { timeoutMs: 20_000, what: `${what} to begin` });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await until(() => !isAlive(pid), { timeoutMs: 5_000, what: `${what} to end with the set-up that started it` });
}

test('the first run sets everything up, and the second one calls nothing', async () => {
  expect(await checkout.run()).toMatchObject({ exitCode: 0 });
  const calls = checkout.calls();
  expect(calls.join('\n')).toMatch(/npm ci/);
  expect(calls.join('\n')).toMatch(/pip .*--require-hashes .*requirements\.txt/);
  expect(await checkout.run()).toEqual({ exitCode: 0, output: '' });
  expect(checkout.calls()).toEqual(calls);
});

test('--test adds what the tests need, once', async () => {
  await checkout.run();
  expect(checkout.calls().join('\n')).not.toContain('requirements-dev.txt');
  await checkout.run(['--test']);
  const calls = checkout.calls();
  expect(calls.join('\n')).toContain('requirements-dev.txt');
  await checkout.run(['--test']);
  await checkout.run();
  expect(checkout.calls()).toEqual(calls);
});

test('a changed lock file is followed, and only its part', async () => {
  await checkout.run();
  checkout.write('package-lock.json', JSON.stringify({ packages: { 'node_modules/a': { version: '2.0.0' } } }));
  await checkout.run();
  expect(checkout.calls().filter((call) => call.startsWith('npm'))).toHaveLength(2);
  expect(checkout.calls().filter((call) => call.startsWith('pip'))).toHaveLength(1);
});

test('kill -9 during npm ci leaves no npm behind, and the next run completes', async () => {
  await killDuring('npm', { NPM_SLEEPS: '60' });
  expect(await checkout.run()).toMatchObject({ exitCode: 0 });
  expect(await checkout.run()).toEqual({ exitCode: 0, output: '' });
});

test('kill -9 of the npm above it leaves nothing behind', async () => {
  const env = { NPM_SLEEPS: '60' };
  await killDuring('npm', env, checkout.startUnderNpm(env));
});

test('kill -9 during pip install leaves no pip behind, and the next run makes the venv again', async () => {
  await killDuring('pip', { PIP_SLEEPS: '60' });
  expect(await checkout.run()).toMatchObject({ exitCode: 0 });
  expect(checkout.calls().filter((call) => call === 'venv')).toHaveLength(2);
  expect(await checkout.run()).toEqual({ exitCode: 0, output: '' });
});

test('two at once: one works, the other waits for it, and both succeed', async () => {
  const first = checkout.run([], { NPM_SLEEPS: '2' });
  await until(() => checkout.pid('npm'), { timeoutMs: 20_000, what: 'npm to begin' });
  const second = await checkout.run();
  expect(second.exitCode).toBe(0);
  expect(second.output).toContain('another set-up of this checkout runs');
  expect((await first).exitCode).toBe(0);
  expect(checkout.calls().filter((call) => call.startsWith('npm'))).toHaveLength(1);
});

test('a venv whose Python no longer runs is made again', async () => {
  await checkout.run();
  checkout.write('python/.venv/bin/python', '#!/bin/sh\nexit 127\n');
  expect(await checkout.run()).toMatchObject({ exitCode: 0 });
  expect(checkout.calls().filter((call) => call === 'venv')).toHaveLength(2);
});

describe('the Temporal dev server', () => {
  /** Whether set-up looks for it. */
  const isWanted = async (args: string[], env: Record<string, string>) => {
    checkout.program('temporal', 'echo "temporal $*" >> "$CALLS"; echo "temporal version 1.5.1 (Server 1.29.1, UI 2)"');
    expect(await checkout.run(args, { MEDIWATCH_STACK_TEMPORAL_PORT: '7300', ...env })).toMatchObject({ exitCode: 0 });
    return checkout.calls().includes('temporal --version');
  };

  test.each([
    ['is needed', [], {}, true],
    ['is not needed where another one is named', [], { TEMPORAL_ADDRESS: 'temporal.example.org:7233' }, false],
    ['is needed where its own address is named', [], { TEMPORAL_ADDRESS: '127.0.0.1:7300' }, true],
    ['is got all the same if asked for', ['--temporal'], { TEMPORAL_ADDRESS: 'temporal.example.org:7233' }, true],
    ['is not needed on the host of a worker', ['--no-temporal'], {}, false],
  ])('%s', async (_what, args, env, wanted) => {
    expect(await isWanted(args, env)).toBe(wanted);
  });

  test('is not what npm run worker waits for', () => {
    const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'));
    expect(scripts.preworker).toContain('--no-temporal');
    expect(scripts.prestart).not.toContain('--no-temporal');
  });
});

test('it shows what takes long, a line a part', async () => {
  const { output } = await checkout.run([], { NPM_SLEEPS: '3' });
  expect(output).toMatch(/set-up: Node packages: npm ci \(\d+ s so far\)/);
  expect(output).toMatch(/set-up: Node packages ready \(\d+\.\d s\)/);
  expect(output).not.toContain('Python packages');
});
