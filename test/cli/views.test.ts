import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { jsonLineView, lineView } from '../../src/cli/views/lines.ts';
import { drawFrame } from '../../src/cli/views/live.ts';
import { printable } from '../../src/config/printable.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import { beginProgress } from '../../src/domain/progress.ts';
import { duration } from '../../src/words/numbers.ts';

const START = Date.UTC(2026, 0, 31, 2);
const SUBJECT = { workflowId: 'w', parentId: null, registeredModel: null, version: null, dryRun: false } as const;
const rows = (rows: number) => ({ rows, groups: null, features: null, splits: null, sizeBytes: 1 });
const searching = (complete: number, values: Partial<Progress> = {}): Progress => ({
  ...beginProgress({ workflow: 'retrain', ...SUBJECT, stages: [] }),
  stages: [
    {
      name: 'prepareData',
      state: 'done',
      startedAt: START,
      endedAt: START + 12_340,
      outcome: { code: 'dataset', ...rows(101_766) },
    },
    { name: 'hyperparameterSearch', state: 'running', startedAt: START + 12_340 },
    { name: 'promote', state: 'waiting' },
  ],
  search: {
    total: 20,
    complete,
    failed: 1,
    running: 2,
    pruned: 0,
    metric: '',
    best: { number: 4, score: 0.68123, params: { learning_rate: 0.041234, max_depth: 6, l2_regularization: 1e-5 } },
  },
  ...values,
});

const plain = (_format: unknown, text: string) => text;

function frame(columns: number, progress: Progress, notices: string[] = []): string[] {
  return drawFrame(progress, notices, { columns, now: START + 60_000, tick: 0, style: plain });
}

describe('the live view', () => {
  it('shows stages with their times, trials as a bar, and the best parameters', () => {
    const text = frame(100, searching(6)).join('\n');
    expect(text).toMatch(/✔ Prepare data +12\.3 s +101,766 rows/);
    expect(text).toMatch(/⠋ Search hyperparameters +47\.7 s/);
    expect(text).toMatch(/█████+░+ +trials 7\/20 \(2 running, 1 failed\) +best 0\.6812 \(trial 4\)/);
    expect(text).toContain('learning_rate 0.0412');
    expect(text).toMatch(/· Promote/);
  });

  it.each([20, 40, 60, 80, 200])('draws no line wider than %i columns', (columns) => {
    const waiting = { for: 'lock', registeredModel: 'MediWatchReadmit' } as const;
    const cause = `The candidate ${'x'.repeat(300)} did not answer.\nThe old one serves.`;
    const remarks = [{ code: 'takenBack', version: '3', cause } as const];
    const lines = frame(columns, searching(6, { waiting, remarks }), ['No worker polls task queue mediwatch.']);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  });

  it('lets no text from elsewhere move the cursor', () => {
    const [first] = searching(6).stages;
    const outcome = { code: 'failed', message: 'bad \u001b[2J\u001b[H news\r\nnext' };
    const lines = frame(100, searching(6, { stages: [{ ...first, outcome } as Progress['stages'][number]] }));
    expect(printable(lines[0] ?? '')).toContain('bad \\u001b[2J\\u001b[H news next');
  });

  it('survives a search whose trials are not known yet', () => {
    const search = { total: 0, complete: 0, pruned: 0, failed: 0, running: 0, metric: '', best: null };
    expect(frame(40, searching(0, { search })).join('\n')).toContain('trials 0/0');
  });
});

function lines(steps: Array<{ afterMs: number; progress?: Progress; notices?: string[] }>): string[] {
  const stream = new PassThrough();
  let now = START;
  const view = lineView(stream, () => new Date(now));
  for (const { afterMs, progress, notices } of steps) {
    now = START + afterMs;
    if (progress) view.progress(progress);
    if (notices) view.notices(notices);
  }
  view.close();
  const text: string = stream.read()?.toString() ?? '';
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(10));
}

describe('the plain view', () => {
  it('has one line for each change of a stage', () => {
    const shown = lines([
      { afterMs: 0, progress: searching(0) },
      { afterMs: 400, progress: searching(0) },
    ]);
    expect(shown).toContain('Prepare data done after 12.3 s: 101,766 rows');
    expect(shown.filter((line) => line === 'Search hyperparameters started')).toHaveLength(1);
  });

  it('counts trials every few seconds at most, and tells a better score at once', () => {
    const better = searching(9);
    if (better.search?.best) better.search.best = { ...better.search.best, number: 8, score: 0.69 };
    const shown = lines([
      { afterMs: 0, progress: searching(1) },
      { afterMs: 400, progress: searching(2) },
      { afterMs: 800, progress: searching(3) },
      { afterMs: 1_200, progress: better },
      { afterMs: 6_000, progress: better },
    ]);
    expect(shown.filter((line) => line.startsWith('trials'))).toEqual([
      'trials 2/20 (2 running, 1 failed)',
      'trials 10/20 (2 running, 1 failed)',
    ]);
    expect(shown.filter((line) => line.startsWith('best'))).toEqual([
      'best 0.6812 (trial 4): learning_rate 0.0412, max_depth 6, l2_regularization 0.00001',
      'best 0.6900 (trial 8): learning_rate 0.0412, max_depth 6, l2_regularization 0.00001',
    ]);
  });

  it('says what stands in the way once, and again when it comes back', () => {
    const silent = ['The worker does not answer; waiting.'];
    const shown = lines([
      { afterMs: 0, notices: silent },
      { afterMs: 400, notices: silent },
      { afterMs: 800, notices: [] },
      { afterMs: 1_200, notices: silent },
    ]);
    expect(shown).toEqual([silent[0], silent[0]]);
  });
});

it('the JSON view prints a document for each change and none for none', () => {
  const stream = new PassThrough();
  const view = jsonLineView(stream);
  view.notices([]);
  for (const complete of [1, 1, 2]) view.progress(searching(complete));
  view.notices(['x']);
  const events = stream
    .read()
    .toString()
    .trimEnd()
    .split('\n')
    .map((line: string) => JSON.parse(line).event);
  expect(events).toEqual(['progress', 'progress', 'notice']);
});

it('times are read at a glance', () => {
  expect([0, 940, 59_940, 59_960, 61_000, 3_723_000].map(duration)).toEqual([
    '0.0 s',
    '0.9 s',
    '59.9 s',
    '1:00',
    '1:01',
    '1:02:03',
  ]);
});
