import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startReceiver } from '../systems/notifications/support.ts';
import { jsonLines, mediwatch } from './support.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'mediwatch-notify-'));
});
afterEach(() => rm(cwd, { recursive: true }));

const name = (notifications: object[]) => writeFile(join(cwd, 'mediwatch.yaml'), stringify({ notifications }));

describe('mediwatch notify --test', () => {
  it('tells every target, whatever its filters, and what came of it; 1 when one could not be told', async () => {
    const { url, posts } = await startReceiver({ status: 200 });
    await name([
      { kind: 'slack', urlEnv: 'SLACK_URL', minSeverity: 'critical' },
      { kind: 'command', command: ['no-such-pager'] },
    ]);
    const { code, out } = await mediwatch(['notify', '--test'], { cwd, env: { SLACK_URL: url } });
    expect(code).toBe(1);
    expect(out).toContain('✔ slack (notifications[0] in mediwatch.yaml)');
    expect(out).toContain('✘ command (notifications[1] in mediwatch.yaml), after 1 attempt: ');
    expect(JSON.parse(posts[0]?.body ?? '').text).toContain('This is a test');
  });

  it('with an event or a severity: those that want it; 0 when all of them were told', async () => {
    const { url, posts } = await startReceiver({ status: 200 });
    await name([
      { kind: 'webhook', url, events: ['driftDetected'] },
      { kind: 'webhook', url, minSeverity: 'critical' },
    ]);
    const args = ['notify', '--test', '--event', 'driftDetected', '--severity', 'warning', '--json'];
    const { code, out } = await mediwatch(args, { cwd, env: {} });
    expect(code).toBe(0);
    const [{ deliveries } = {}] = jsonLines(out);
    expect(deliveries).toMatchObject([
      { outcome: 'sent' },
      { outcome: 'filtered', detail: 'warning is below its minSeverity, critical' },
    ]);
    expect(posts.map(({ body }) => JSON.parse(body).event)).toEqual(['driftDetected']);
  });

  it('says how to name a target when there is none', async () => {
    await name([]);
    const { code, err } = await mediwatch(['notify', '--test'], { cwd, env: {} });
    expect([code, err]).toEqual([2, expect.stringContaining('urlEnv')]);
  });

  it.each([
    [['notify'], '--test'],
    [['notify', '--test', '--event', 'party'], 'driftDetected'],
  ])('%j is refused', async (args, what) => {
    const { code, err } = await mediwatch(args, { cwd, env: {} });
    expect([code, err]).toEqual([2, expect.stringContaining(what)]);
  });
});
