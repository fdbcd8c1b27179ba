import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { ensureSecret, readSecret } from '../../src/systems/webhookSecret.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-secret-'));
});
afterEach(() => rm(dir, { recursive: true }));

const config = (settings: Record<string, string> = {}) =>
  loadConfig({ MEDIWATCH_STACK_DIR: join(dir, 'state'), ...settings }, PROJECT_ROOT);

describe('the secret of the webhook', () => {
  it('is made once, for its owner only, however many start at once', async () => {
    const secrets = await Promise.all(Array.from({ length: 8 }, () => ensureSecret(config())));
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(await readdir(join(dir, 'state'))).toEqual(['webhook-secret']);
    expect((await stat(join(dir, 'state', 'webhook-secret'))).mode & 0o777).toBe(0o600);
    expect(await readSecret(config())).toBe(secrets[0]);
  });

  it('is the one of the settings where they give one, and nothing is made then', async () => {
    const file = join(dir, 'given');
    await writeFile(file, 'from a file\n');
    expect(await ensureSecret(config({ MEDIWATCH_WEBHOOK_SECRET_FILE: file }))).toBe('from a file');
    expect(await ensureSecret(config({ MEDIWATCH_WEBHOOK_SECRET: 'given', MEDIWATCH_WEBHOOK_SECRET_FILE: file }))).toBe(
      'given',
    );
    expect(await readdir(dir)).toEqual(['given']);
  });

  it('that cannot be read, or is empty, is reported with its file', async () => {
    const file = join(dir, 'given');
    const settings = config({ MEDIWATCH_WEBHOOK_SECRET_FILE: file });
    await expect(ensureSecret(settings)).rejects.toThrow(file);
    await writeFile(file, '\n');
    await expect(ensureSecret(settings)).rejects.toThrow(`${file} is empty`);
  });
});
