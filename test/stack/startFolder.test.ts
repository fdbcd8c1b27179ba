import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT, startFolder } from '../../src/config.ts';
import { folderWith } from '../config/support.ts';
import { createTestStack, running } from '../support/stack.ts';

/** A port that cannot be: whoever reads this file says so, and starts nothing. */
const WRONG = 'stack:\n  apiPort: 99999\n';

/** As npm runs a script of package.json. */
function underNpm(script: string, event: string, env: Record<string, string>, cwd = PROJECT_ROOT) {
  const variables = { npm_lifecycle_event: event, MEDIWATCH_CONFIG: undefined, ...env };
  return execa(process.execPath, [join(PROJECT_ROOT, script), '--no-retrain'], {
    cwd,
    env: variables,
    reject: false,
    timeout: 60_000,
  });
}

describe.each([
  ['npm start', 'src/stack/main.ts', 'start'],
  ['npm run worker', 'src/worker.ts', 'worker'],
])('%s', (_name, script, event) => {
  test('takes the mediwatch.yaml of the folder in which it is typed', async () => {
    const { exitCode, stderr } = await underNpm(script, event, { INIT_CWD: folderWith(WRONG) });
    expect(stderr).toContain('mediwatch.yaml:2:12: stack.apiPort');
    expect(exitCode).toBe(1);
  });

  test('takes a MEDIWATCH_CONFIG that is relative to that folder', async () => {
    const env = { INIT_CWD: join(folderWith(WRONG), 'sub'), MEDIWATCH_CONFIG: '../mediwatch.yaml' };
    expect((await underNpm(script, event, env)).stderr).toContain('mediwatch.yaml:2:12: stack.apiPort');
  });
});

test('a worker that npm did not start goes by its own folder', async () => {
  const { stderr } = await underNpm('src/worker.ts', 'worker', { INIT_CWD: PROJECT_ROOT }, folderWith(WRONG));
  expect(stderr).toContain('mediwatch.yaml:2:12: stack.apiPort');
});

test.each<[what: string, env: Record<string, string>, cwd: string, expected: string]>([
  ['npm start', { npm_lifecycle_event: 'start', INIT_CWD: '/home/me/ward' }, PROJECT_ROOT, '/home/me/ward'],
  ['another script of npm', { npm_lifecycle_event: 'test', INIT_CWD: '/home/me/ward' }, PROJECT_ROOT, PROJECT_ROOT],
  ['an npm that tells no folder', { npm_lifecycle_event: 'start' }, PROJECT_ROOT, PROJECT_ROOT],
  ['what a script of npm starts elsewhere', { npm_lifecycle_event: 'start', INIT_CWD: '/home/me' }, '/srv', '/srv'],
  ['no npm', { INIT_CWD: '/home/me/ward' }, PROJECT_ROOT, PROJECT_ROOT],
])('the folder of %s', (_what, env, cwd, expected) => {
  expect(startFolder(env, cwd)).toBe(expected);
});

// /proc shows what the parts were started with.
test.runIf(process.platform === 'linux')('every part of the stack reads the file that npm start read', async () => {
  const stack = await createTestStack();
  try {
    const folder = folderWith('registry:\n  registeredModel: Ward\n');
    const run = stack.startUnderNpm({ INIT_CWD: folder });
    await run.up();
    const pids = stack.processes();
    for (const part of ['gateway/main.ts', 'webhook/main.ts', 'src/worker.ts']) {
      const [pid] = running(pids, part);
      expect(readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0'), part).toContain(
        `MEDIWATCH_CONFIG=${join(folder, 'mediwatch.yaml')}`,
      );
    }
  } finally {
    await stack.dispose();
  }
});
