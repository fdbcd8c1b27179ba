import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { living } from '../processes/support.ts';
import { NEWS, openNotifier } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'notifications-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fixture = (name: string, ...args: string[]) => ({
  kind: 'command',
  command: [process.execPath, join(import.meta.dirname, 'fixtures', name), ...args],
});

describe('a command', () => {
  it('reads the notification from its stdin', async () => {
    const file = join(folder, 'received.json');
    const notifier = await openNotifier([fixture('receive.mjs', file)]);
    expect(await notifier.send(NEWS)).toMatchObject([{ outcome: 'sent', attempts: 1 }]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(NEWS);
  });

  it('that fails is reported by its code and its last words, not by its arguments, and is not run again', async () => {
    const file = join(folder, 'failed.json');
    const notifier = await openNotifier([fixture('receive.mjs', file, '3')]);
    const [delivery] = await notifier.send(NEWS);
    expect(delivery).toMatchObject({ outcome: 'failed', attempts: 1 });
    expect(delivery?.detail).toMatch(/ended with exit code 3\. .*Its last output: the pager is out of paper$/);
    expect(delivery?.detail).not.toContain(file);
  });

  it('that hangs is killed with all that it started', async () => {
    const file = join(folder, 'pids.json');
    const notifier = await openNotifier([fixture('hang.mjs', file)]);
    expect(await notifier.send(NEWS)).toMatchObject([
      { outcome: 'failed', attempts: 1, detail: expect.stringContaining('did not end in time') },
    ]);
    expect(await living(JSON.parse(readFileSync(file, 'utf8')))).toEqual([]);
  });

  it('that does not exist says so', async () => {
    const notifier = await openNotifier([{ kind: 'command', command: ['no-such-pager'] }]);
    expect(await notifier.send(NEWS)).toMatchObject([
      { outcome: 'failed', attempts: 1, detail: expect.stringContaining('no-such-pager') },
    ]);
  });
});
