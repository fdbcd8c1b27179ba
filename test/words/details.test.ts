import { describe, expect, it } from 'vitest';
import type { LockRequest } from '../../src/contracts/lock.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import { beginProgress } from '../../src/domain/progress.ts';
import { createSteward, paused, type Steward } from '../../src/domain/steward.ts';
import { lockMarkdown, progressMarkdown } from '../../src/words/details.ts';
import { stewardMarkdown } from '../../src/words/stewardDetails.ts';

const AT = Date.UTC(2026, 0, 31, 2, 0, 7);
const UI = 'http://ui/namespaces/default/workflows';
const shown = (values: Partial<Progress> = {}) =>
  progressMarkdown({
    ...beginProgress({
      workflow: 'retrain',
      workflowId: 'nightly',
      parentId: null,
      registeredModel: 'MediWatchReadmit',
      version: null,
      dryRun: false,
      stages: [],
    }),
    temporalUi: UI,
    ...values,
  });

describe('details', () => {
  it('say what the workflow does and for which model before anything else is known', () => {
    const text = shown({ registeredModel: null, temporalUi: null });
    expect(text).toContain('**retrain.** Prepares the data, searches');
    expect(text).toContain('`mediwatch logs nightly`');
    expect(shown({ version: '3', workflow: 'promote' })).toContain('**promote, version 3 of MediWatchReadmit.**');
    expect(shown({ dryRun: true })).toContain('**Dry run:**');
  });

  it('show stages with their start and duration, and link the workflow that runs one', () => {
    const text = shown({
      stages: [
        {
          name: 'prepareData',
          state: 'done',
          startedAt: AT,
          endedAt: AT + 12_300,
          outcome: { code: 'failed', message: '10 | rows\n[x](http://evil)' },
        },
        { name: 'promote', state: 'running', startedAt: AT + 12_300, workflowId: 'nightly/promote' },
        { name: 'redeploy', state: 'waiting' },
      ],
    });
    expect(text).toContain(
      '| ✔ | Prepare data | 2026-01-31 02:00:07 | 12.3 s | 10 \\| rows \\[x\\](http://evil) |\n' +
        `| ▶ | [Promote](${UI}/nightly%2Fpromote) | 2026-01-31 02:00:19 |  | running |\n` +
        '| · | Redeploy |  |  |  |',
    );
  });

  it('show a search alone, with the best and its parameters', () => {
    const best = { number: 4, score: 0.68123, params: { learning_rate: 0.04123, loss: 'log|loss' } };
    expect(shown({ search: { total: 20, complete: 7, pruned: 0, failed: 1, running: 2, metric: '', best } })).toContain(
      '**Search.** 7 of 20 trials done, 2 running, 1 failed. ' +
        'Best so far: trial 4, validation AUC **0.6812** with learning_rate 0.0412, loss log\\|loss.',
    );
    expect(
      shown({ search: { total: 20, complete: 0, pruned: 0, failed: 0, running: 2, metric: '', best: null } }),
    ).toContain('No score so far.');
  });

  it('tell a person how to answer, with JSON to paste', () => {
    const verdict = { code: 'policyAlways' } as const;
    const waiting = { for: 'decision', registeredModel: 'M', version: '3', verdict, until: AT, reminders: 0 } as const;
    const text = shown({ waiting, workflow: 'promote', workflowId: 'nightly/promote' });
    expect(text).toContain('**Waiting for your decision** about version 3 of M, until 2026-01-31 02:00 UTC');
    expect(text).toContain('send the update `decide`');
    const [approve, reject] = [...text.matchAll(/```json\n([\s\S]*?)\n```/g)].map(([, json]) => JSON.parse(json ?? ''));
    expect(approve).toEqual({ decision: 'approve', by: 'your name', version: '3' });
    expect(reject).toMatchObject({ decision: 'reject', version: '3' });
    expect(text).toContain('`mediwatch approve nightly/promote`');
  });

  it('begin with the failure, or with what came of it', () => {
    const failure = { type: 'MlflowRefused', message: 'MLflow [is](x) away.', cancelled: false, child: null };
    expect(shown({ failure })).toMatch(
      /^\*\*What happened\.\*\* MLflow \\\[is\\\]\(x\) away\.\n\n\*\*What was left as it was\.\*\* .*\n\n\*\*What to do next\.\*\*/,
    );
    const left = {
      registeredModel: 'M',
      version: '3',
      left: '4',
      by: null,
      reason: null,
      deployment: null,
      would: null,
    };
    expect(shown({ workflow: 'rollback', result: left })).toMatch(
      /^\*\*Result\.\*\* M version 3 is in Production in place/,
    );
  });

  it('link the parent, the run and the API', () => {
    const links: Progress['links'] = [{ kind: 'mlflowRun', url: 'http://mlflow/run' }];
    expect(shown({ links, parentId: 'nightly' })).toContain(
      `[Started by](${UI}/nightly) · [MLflow run](http://mlflow/run)`,
    );
  });
});

describe('a lock', () => {
  const request = (workflowId: string, values: Partial<LockRequest> = {}): LockRequest => ({
    token: workflowId,
    workflowId,
    runId: '0191e2a4-0000-7000-8000-000000000000',
    holder: { workflowId, runId: '0191e2a4-0000-7000-8000-000000000000' },
    purpose: 'promote',
    version: '3',
    ...values,
  });

  it('says who holds it since when, who waits, and that nothing is to be done', () => {
    const text = lockMarkdown('M', [request('a', { heldSince: AT }), request('b|c', { askedAt: AT })]);
    expect(text).toContain('**Held by** `a` to promote version 3, since 2026-01-31 02:00:07 UTC.');
    expect(text).toContain('| 1 | `b\\|c` | promote version 3 | 2026-01-31 02:00:07 |');
    expect(text).toContain('Nothing has to be done here');
  });

  it('that is free says so, and a long queue is counted', () => {
    expect(lockMarkdown('M', [])).toContain('Free: nobody holds it.');
    const queue = Array.from({ length: 200 }, (_, index) => request(`w${index}`));
    expect(lockMarkdown('M', queue)).toContain('And 169 more.');
  });
});

describe('a steward', () => {
  it('says how to steer it, and takes nothing from an alert for Markdown', () => {
    const latest = { source: 'web|hook', reason: '[click](http://evil)' };
    const pending = { count: 2, firstAt: AT, lastAt: AT, latest, report: 'http://mlflow/report' };
    const steward: Steward = { ...createSteward('M'), counted: 2, pending };
    const text = stewardMarkdown(paused(steward, { by: 'ada', reason: 'why' }, AT), AT, UI);
    expect(text).toContain('Paused by ada since 2026-01-31 02:00 UTC: why.');
    expect(text).toContain('from web\\|hook: \\[click\\](http://evil). [Drift report](http://mlflow/report).');
    for (const way of ['`pause`', '`resume`', '`driftAlert`', '`retrainNow`']) expect(text).toContain(way);
  });

  it('links its retrains', () => {
    const ending = { code: 'promoted', version: '2', registryStage: 'Production' } as const;
    const ended = [{ workflowId: 'retrain-drift-M-1', endedAt: AT, ending }];
    expect(stewardMarkdown({ ...createSteward('M'), ended }, AT, UI)).toContain(
      `| 2026-01-31 02:00:07 | [retrain-drift-M-1](${UI}/retrain-drift-M-1) | version 2 is in Production |`,
    );
  });
});
