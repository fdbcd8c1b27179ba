import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputPath } from '../../src/activities/lib/inputPath.ts';
import { type Config, loadConfig } from '../../src/config.ts';

let dir: string;
let project: string;
let config: Config;

/**
 * A project with a secret, its state and a link in it; beside it the folder of its data, a folder that is declared and one
 * that is not.
 */
beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'mediwatch-roots-')));
  project = join(dir, 'project');
  const folders = ['project/data/many', 'project/.git', 'project/state/predictions', 'lake', 'set', 'elsewhere'];
  for (const folder of folders) await mkdir(join(dir, folder), { recursive: true });
  const files = [
    ...['project/data/a.csv', 'project/data/many/b.csv', 'project/.env', 'project/.git/config', 'project/state/secret'],
    ...['project/state/predictions/p.csv', 'lake/l.csv', 'set/configured.csv', 'set/other.csv', 'elsewhere/e.csv'],
  ];
  for (const file of files) await writeFile(join(dir, file), 'a,b\n1,2\n');
  await symlink(join(dir, 'elsewhere'), join(project, 'data', 'link'));
  await symlink(join(dir, 'nowhere'), join(project, 'data', 'dangling'));
  await symlink(join(dir, 'lake', 'l.csv'), join(project, 'data', 'lake.csv'));
  await mkdir(join(project, 'linked'));
  await symlink(join(dir, 'elsewhere', 'e.csv'), join(project, 'linked', 'x.csv'));
  execFileSync('mkfifo', [join(project, 'data', 'pipe')]);
  const settings = `data: { path: ${join(dir, 'set', 'configured.csv')}, roots: [${join(dir, 'lake')}] }\nstack: { dir: state }\n`;
  await writeFile(join(project, 'mediwatch.yaml'), settings);
  config = loadConfig({}, project);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** The type and message of the refusal, without the path that was given. */
async function refusalOf(field: 'data' | 'log', given: string): Promise<unknown> {
  return await inputPath(config, field, given).then(
    (path) => `taken: ${path}`,
    (error: Error & { type?: string }) => [error.type, error.message.replace(`(${given})`, '')],
  );
}

describe('an input is refused, in the same way whether the file exists or not, that names', () => {
  it.each([
    ['a file of the system', '/etc/passwd'],
    ['a file that is not there', '/etc/no-such-file'],
    ['a file in a folder that is not there', '/no/such/folder/x.csv'],
    ['a device', '/dev/zero'],
    ['what its process has open', '/proc/self/environ'],
    ['the disk', '/'],
    ['a way out', '../elsewhere/e.csv'],
    ['a way out that leads nowhere', 'data/../../elsewhere/missing.csv'],
    ['a link that leads out', 'data/link/e.csv'],
    ['a link that leads out to what is not there', 'data/link/missing.csv'],
    ['a link that leads nowhere', 'data/dangling'],
    ['a way through /proc', '/proc/self/root/etc/passwd'],
    ['a pipe', 'data/pipe'],
    ['a folder with a pipe and links in it', 'data'],
    ['a folder with a link that leads out', 'linked'],
    ['the whole project', '.'],
    ['a hidden file', '.env'],
    ['a file in a hidden folder', '.git/config'],
    ['the state of the stack', 'state/secret'],
    ['a hidden file that is not there', '.netrc'],
  ])('%s', async (_what, path) => {
    const outside = await refusalOf('data', '/etc/passwd');
    expect(outside).toEqual(['PathRefused', expect.stringContaining('Nothing was read')]);
    expect(await refusalOf('data', path)).toEqual(outside);
    expect(await refusalOf('log', path)).toEqual(['PathRefused', (outside as string[])[1]?.replace('"data"', '"log"')]);
  });

  it('a pattern that reaches out, or through a link', async () => {
    for (const pattern of [
      '/etc/*.conf',
      '/e*c/passwd',
      'data/*/e.csv',
      '../else*/e.csv',
      'data/*/../../../elsewhere/*',
      'data/*',
      'st*/secret',
      'data/many/../../.g*/config',
    ]) {
      expect(await refusalOf('log', pattern), pattern).toEqual(['PathRefused', expect.any(String)]);
    }
  });

  it('logs as data', async () => {
    expect(await refusalOf('data', join(project, 'state', 'predictions', 'p.csv'))).toEqual([
      'PathRefused',
      expect.any(String),
    ]);
  });
});

it('takes what lies in the project, beside the configured data, in a declared folder, and logs of the API', async () => {
  for (const path of [
    'data/a.csv',
    'data/many',
    'data/lake.csv',
    'data/missing.csv',
    '../lake/l.csv',
    '../set/other.csv',
  ]) {
    expect(await inputPath(config, 'data', path)).toBe(join(project, path));
  }
  for (const path of ['state/predictions', 'state/predictions/*.csv', 'data/many/[a-c]*.csv', 'none/*.csv']) {
    expect(await inputPath(config, 'log', path)).toBe(join(project, path));
  }
});

it('takes what the settings name without a look at it', async () => {
  const odd = { ...config, data: { ...config.data, path: join(project, '.git', 'config') } };
  expect(await inputPath(odd, 'data', '.git/config')).toBe(join(project, '.git', 'config'));
});
