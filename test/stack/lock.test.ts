import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lock, tryLock } from '../../setup/lock.mjs';

const LOCK = new URL('../../setup/lock.mjs', import.meta.url).href;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediwatch-lock-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** A process that takes the lock, says so, and holds it. */
async function holder(): Promise<ChildProcess> {
  const source = `import { lock } from ${JSON.stringify(LOCK)};
    await lock(${JSON.stringify(folder)}, () => {});
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('only one has the lock, and the other learns who has it', async () => {
  const child = await holder();
  expect(tryLock(folder)).toMatchObject({ holder: { pid: child.pid } });
});

test('a holder killed by kill -9 does not keep it, and the next one knows', async () => {
  await kill(await holder());
  expect(tryLock(folder)).toMatchObject({ afterCrash: true });
});

test('a released lock can be taken again, and leaves nothing behind', async () => {
  for (let round = 0; round < 3; round += 1) {
    const held = await lock(folder, () => expect.unreachable());
    expect(held.afterCrash).toBe(false);
    held.release();
  }
  expect(readdirSync(folder)).toEqual([]);
});

test('one who waits gets it when the holder dies', async () => {
  const child = await holder();
  let told = 0;
  const waiting = lock(folder, ({ pid }) => {
    told = pid;
  });
  expect(tryLock(folder)).toHaveProperty('holder');
  await kill(child);
  (await waiting).release();
  expect(told).toBe(child.pid);
});

test('of many at once, each gets it and no two hold it together', async () => {
  let holding = 0;
  const rounds = Array.from({ length: 20 }, async () => {
    const held = await lock(folder, () => {});
    holding += 1;
    expect(holding).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    holding -= 1;
    held.release();
  });
  await Promise.all(rounds);
});
