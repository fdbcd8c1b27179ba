import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { mediwatch } from '../support/command.ts';
import { createTestStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

interface Status {
  settings: {
    digest: string;
    inForce: Array<{ part: string; digest: string; waiting: string[]; refused: string | null }>;
  };
}

describe.runIf(process.platform === 'linux')('a mediwatch.yaml that changes while the stack runs', () => {
  let stack: TestStack;
  let project: string;
  const file = () => join(project, 'mediwatch.yaml');

  beforeAll(async () => {
    project = mkdtempSync(join(tmpdir(), 'mediwatch-changed-'));
    writeFileSync(file(), 'search: { trials: 3 }\n');
    process.env.MEDIWATCH_CONFIG = file();
    stack = await createTestStack();
    await stack.start().up();
  }, 240_000);
  afterAll(async () => {
    delete process.env.MEDIWATCH_CONFIG;
    await stack?.dispose();
    rmSync(project, { recursive: true, force: true });
  }, 60_000);

  const digestOf = (path: string) => loadConfig({ MEDIWATCH_CONFIG: path }, project).digest;
  const status = async () => (await mediwatch<Status>(stack.env, 'status')).json.settings;
  /** What a command that starts something warns of. */
  const warnings = async (config: string) => {
    const env = { ...stack.env, MEDIWATCH_CONFIG: config };
    const { stderr } = await mediwatch(env, 'promote', '99', '--detach', '--yes');
    return stderr.split('\n').filter((line) => /goes by|must be restarted/.test(line));
  };
  const replace = (text: string) => {
    writeFileSync(join(project, 'draft.yaml'), text);
    renameSync(join(project, 'draft.yaml'), file());
  };

  test('worker and gateway take it over and say so, and a command warns while they go by another one', async () => {
    const before = digestOf(file());
    const own = (digest: string, more: object = {}) =>
      ['gateway', 'worker'].map((part) => expect.objectContaining({ part, digest, ...more }));
    expect(await status()).toEqual({ digest: before, inForce: own(before, { waiting: [], refused: null }) });
    expect(await warnings(file())).toEqual([]);

    const other = join(project, 'other.yaml');
    writeFileSync(other, 'search: { trials: 5 }\n');
    const after = digestOf(other);
    expect(await warnings(other)).toEqual([
      expect.stringContaining(`The gateway`),
      expect.stringContaining(`goes by another mediwatch.yaml (${before}, not ${after}).`),
    ]);

    replace('search: { trials: 5 }\n');
    await until(async () => (await status()).inForce.every(({ digest }) => digest === after), {
      timeoutMs: 30_000,
      what: 'worker and gateway to take it over',
    });
    expect(await warnings(file())).toEqual([]);

    replace('search: { trials: 5 }\nmlflow: { timeout: 17 }\n');
    await until(async () => (await status()).inForce.every(({ waiting }) => waiting.includes('mlflow')), {
      timeoutMs: 30_000,
      what: 'worker and gateway to say what waits for a restart',
    });
    expect(await warnings(file())).toEqual(
      Array(2).fill(expect.stringContaining('must be restarted to go by what changed in mlflow')),
    );

    replace('search: { trails: 5 }\n');
    const good = join(project, 'good.yaml');
    writeFileSync(good, 'search: { trials: 5 }\n');
    const refused = Array(2).fill(
      expect.stringContaining('goes by the settings of before, as mediwatch.yaml cannot be used'),
    );
    await until(async () => (await warnings(good)).length === 2 && (await warnings(good))[0]?.includes('of before'), {
      timeoutMs: 30_000,
      what: 'them to say that the file cannot be used',
    });
    expect(await warnings(good)).toEqual(refused);
  }, 240_000);
});
