import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { withProject } from '../init/support.ts';

/** What cd may print, and where it may go, with this variable. */
const env = { CDPATH: `.:${join(PROJECT_ROOT, 'src')}:${PROJECT_ROOT}` };

it('bin/mediwatch finds its checkout, also with CDPATH', async () => {
  const { stdout, exitCode } = await execa('bin/mediwatch', ['--version'], { cwd: PROJECT_ROOT, env, reject: false });
  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
});

it('also by a link to it', async () => {
  await withProject('empty', async (folder) => {
    const link = join(folder, '-mediwatch');
    symlinkSync(join(PROJECT_ROOT, 'bin/mediwatch'), link);
    expect(await execa(link, ['--version'], { cwd: folder, env, reject: false })).toMatchObject({ exitCode: 0 });
  });
});
