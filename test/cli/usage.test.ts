import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { mediwatch, NOWHERE, spawnMediwatch } from './support.ts';

describe('wrong usage ends with 2, says which flag, and starts nothing', () => {
  // Temporal is not there in these tests: whatever tried to start something would end with 4.
  it.each([
    [['retrain', '--trials', '3x'], '--trials', 'whole number'],
    [['retrain', '--trials', '1.5'], '--trials', 'whole number'],
    [['retrain', '--trials', ''], '--trials', 'whole number'],
    [['retrain', '--trials', '-1'], '--trials', 'from 0 on'],
    [['search', '--trials', '0'], '--trials', 'from 1 on'],
    [['retrain', '--parallel', '0'], '--parallel', 'from 1 on'],
    [['retrain', '--max-auc-loss', 'little'], '--max-auc-loss', 'number'],
    [['retrain', '--max-auc-loss', '2'], '--max-auc-loss', 'up to 1'],
    [['retrain', '--model', 'svm'], '--model', 'hgb, rf'],
    [['retrain', '--stage', 'production'], '--stage', 'Production, Staging, None'],
    [['promote', '--stage', 'None'], '--stage', 'Production, Staging'],
    [['retrain', '--data', ''], '--data', 'is empty'],
    [['retrain', '--seed', '99999999999999999999'], '--seed', 'up to 4294967295'],
    [['promote', 'three'], 'version', 'such as 3'],
    [['promote', '3', '4'], 'promote', 'too many arguments'],
    [['train', '--param', 'max_depth'], '--param', 'name=value'],
    [['retrain', '--follow', '--detach'], '--follow', 'cannot be used'],
    [['retrain', '--trails', '3'], '--trails', 'Did you mean --trials'],
    [['retrian'], 'retrian', 'Did you mean retrain'],
    [['follow'], 'id', 'missing required argument'],
    [['retrain', 'now'], 'retrain', 'too many arguments'],
  ])('%j', async (args, flag, why) => {
    const { code, out, err } = await mediwatch(args);
    expect(code).toBe(2);
    expect(err).toContain(flag);
    expect(err).toContain(why);
    expect(out).toBe('');
  });

  it.each([[[]], [['drift']], [['completion']]])('%j alone is no error: it shows the help', async (args) => {
    const { code, out, err } = await mediwatch(args);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`Usage: ${['mediwatch', ...args].join(' ')}`);
  });

  it('but with --json it is one, for stdout carries JSON only', async () => {
    const { code, out } = await mediwatch(['drift', '--json']);
    expect([code, JSON.parse(out)]).toEqual([2, expect.objectContaining({ event: 'error', exitCode: 2 })]);
  });

  it.each([
    [['retrian', '--reason', 'a b'], "Type: mediwatch retrain --reason 'a b'"],
    [['retrain', '--trails=3'], 'Type: mediwatch retrain --trials=3'],
    [['steward', 'pase', '--reason', 'x'], 'Type: mediwatch steward pause --reason x'],
    [['schedules', 'aply', '--dry-run'], 'Type: mediwatch schedules apply --dry-run'],
    [['help', 'steward', 'pase'], 'Type: mediwatch help steward pause'],
    [['follow'], 'id: id of the workflow, as "mediwatch status" lists it'],
    [['follow'], 'Such as: mediwatch follow retrain-'],
    [['reject', 'promote-1'], 'Such as: mediwatch reject promote-'],
    [['retrain', '--trials'], 'Such as: mediwatch retrain --trials 50'],
    [['retrain', '--nonsense'], '"mediwatch help retrain" shows how it is used.'],
  ])('%j says what to type', async (args, next) => {
    expect((await mediwatch(args)).err).toContain(next);
  });

  it('with --json: the complaint as JSON on stdout as well', async () => {
    const { code, out } = await mediwatch(['retrain', '--trials', '-1', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({ event: 'error', exitCode: 2, message: expect.stringContaining('--trials') });
  });
});

describe('wrong settings end with 2', () => {
  it('a variable that cannot be used is named', async () => {
    const { code, err } = await mediwatch(['status'], { env: { MEDIWATCH_SEARCH_TRIALS: 'many' } });
    expect(code).toBe(2);
    expect(err).toContain('search.trials');
  });

  it('so is the file, and help comes all the same', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mediwatch-cli-'));
    try {
      await writeFile(join(dir, 'mediwatch.yaml'), 'serch: {}\n');
      const { code, err } = await mediwatch(['retrain'], { cwd: dir });
      expect(code).toBe(2);
      expect(err).toContain('mediwatch.yaml:1:1: serch');
      expect(await mediwatch(['retrain', '--help'], { cwd: dir })).toMatchObject({ code: 0 });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('Temporal that cannot be reached', () => {
  it('ends with 4 within 5 s, and says the address, the setting and how to get one', async () => {
    const started = Date.now();
    const { code, out, err } = await mediwatch(['retrain']);
    expect(code).toBe(4);
    expect(Date.now() - started).toBeLessThan(5_000);
    for (const part of [NOWHERE, 'temporal.address', 'TEMPORAL_ADDRESS', 'npm start']) expect(err).toContain(part);
    expect(out).toBe('');
  });

  it('leaves no process hanging', async () => {
    const { exitCode, stdout } = await spawnMediwatch(['cancel', 'x', '--json'], { TEMPORAL_ADDRESS: NOWHERE });
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ event: 'error', exitCode: 4 });
  });
});

it('a checkout that is not set up names the command that sets it up, and ends with 2', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-fresh-'));
  try {
    await cp(new URL('../../bin', import.meta.url).pathname, join(dir, 'bin'), { recursive: true });
    const { exitCode, stdout, stderr } = await execa(join(dir, 'bin/mediwatch'), ['check', '--json'], {
      reject: false,
    });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`run "node ${dir}/setup/bootstrap.mjs" once`);
  } finally {
    await rm(dir, { recursive: true });
  }
});
