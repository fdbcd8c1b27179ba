import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isTerminal, styleFor } from '../../src/cli/cli.ts';
import { liveView } from '../../src/cli/views/live.ts';
import { beginProgress } from '../../src/domain/progress.ts';
import { until } from '../support/until.ts';
import { memory } from './support.ts';

const ESCAPE = '\u001b[';
const terminal = (columns: number) => Object.assign(memory(), { isTTY: true, columns, rows: 24 });

describe('on a terminal', () => {
  it('the view is drawn in place while it lasts, and its last picture stays', async () => {
    const stream = terminal(40);
    const view = liveView(stream, styleFor(stream, {}));
    view.notices(['The worker does not answer; waiting.']);
    await until(() => stream.text().includes('does not answer'), { timeoutMs: 5_000, what: 'the first picture' });
    view.notices([]);
    const subject = { workflowId: 'w', parentId: null, registeredModel: null, version: null, dryRun: false };
    const outcome = { code: 'failed', message: 'Passed' } as const;
    view.progress({
      ...beginProgress({ workflow: 'promote', ...subject, stages: [] }),
      stages: [{ name: 'promote', state: 'done', startedAt: 0, endedAt: 1_500, outcome }],
    });
    view.close();
    const drawn = stream.text();
    expect(drawn).toContain(ESCAPE);
    expect(stripVTControlCharacters(drawn).trimEnd()).toMatch(/✔ Promote +1\.5 s\n {2}Passed$/);
    // Nothing is drawn once it is closed.
    await delay(300);
    expect(stream.text()).toBe(drawn);
  });

  it.each([
    ['a terminal', {}, true, true],
    ['a terminal with NO_COLOR', { NO_COLOR: '1' }, true, false],
    ['a terminal that can do nothing', { TERM: 'dumb' }, true, false],
    ['a pipe', {}, false, false],
    ['a pipe with FORCE_COLOR', { FORCE_COLOR: '1' }, false, true],
  ])('%s has its colours', (_name, env, isTTY, coloured) => {
    const stream = Object.assign(memory(), { isTTY });
    expect(styleFor(stream, env)('red', 'x').includes(ESCAPE)).toBe(coloured);
  });

  it('one that cannot move its cursor gets plain lines', () => {
    expect(isTerminal(terminal(80), { TERM: 'dumb' })).toBe(false);
  });
});
