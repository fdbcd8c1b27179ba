import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { withContext } from '../../src/systems/docker/context.ts';
import { openState } from '../../src/systems/state.ts';

const umask = process.umask();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediwatch-rest-'));
  writeFileSync(join(folder, 'mediwatch.yaml'), '');
});
afterEach(() => {
  process.umask(umask);
  rmSync(folder, { recursive: true, force: true });
});

const open = (dir: string) => openState(loadConfig({ MEDIWATCH_STACK_DIR: dir }, folder));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

it('the folder of the state is for its user alone, also when it was open before, and so is what comes into it', () => {
  const dir = join(folder, 'state');
  mkdirSync(dir);
  chmodSync(dir, 0o755);
  expect(open(dir)).toBe(dir);
  expect(modeOf(dir)).toBe('700');
  writeFileSync(join(dir, 'predictions.csv'), '');
  mkdirSync(join(dir, 'logs'));
  expect([modeOf(join(dir, 'predictions.csv')), modeOf(join(dir, 'logs'))]).toEqual(['600', '700']);
});

it('git leaves it out, wherever it lies, but never the project', () => {
  expect(readFileSync(join(open(join(folder, 'elsewhere')), '.gitignore'), 'utf8')).toBe('*\n');
  open('.');
  expect(existsSync(join(folder, '.gitignore'))).toBe(false);
});

it('an image is built of files that its user can read', async () => {
  process.umask(0o077);
  writeFileSync(join(folder, 'Dockerfile'), '');
  mkdirSync(join(folder, 'app'));
  writeFileSync(join(folder, 'app', 'main.py'), '');
  writeFileSync(join(folder, 'app', 'run.sh'), '', { mode: 0o700 });
  const modes = await withContext({ context: folder, dockerfile: join(folder, 'Dockerfile') }, async (context) =>
    ['app', 'app/main.py', 'app/run.sh'].map((path) => modeOf(join(context.folder, path))),
  );
  expect(modes).toEqual(['755', '644', '755']);
});
