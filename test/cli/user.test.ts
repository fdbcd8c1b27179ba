import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { mediwatch } from './support.ts';

vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  userInfo: () => {
    throw new Error('uv_os_get_passwd returned ENOENT (no such file or directory)');
  },
}));

it('a user without a name, as containers have them, can send a test notification', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'mediwatch-nameless-'));
  try {
    const command = '[sh, -c, "cat > told.json"]';
    await writeFile(join(cwd, 'mediwatch.yaml'), `notifications: [{kind: command, command: ${command}}]\n`);
    expect(await mediwatch(['notify', '--test'], { cwd, env: { PATH: process.env.PATH ?? '' } })).toMatchObject({
      code: 0,
      err: '',
    });
    const { text } = JSON.parse(await readFile(join(cwd, 'told.json'), 'utf8'));
    expect(text).toContain(`user ${process.getuid?.()} typed "mediwatch notify --test"`);
  } finally {
    await rm(cwd, { recursive: true });
  }
});
