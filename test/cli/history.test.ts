import { InvalidArgumentError } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistryActivities } from '../../src/activities/registry.ts';
import { localTime, pastTime } from '../../src/cli/flags.ts';
import { entriesOf, followsGap, momentOf } from '../../src/cli/history/production.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import type { ProductionEntry } from '../../src/contracts/registry.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { mediwatch } from './support.ts';

const MODEL = 'MediWatchReadmit';
let server: MlflowServer;
let mlflow: Mlflow;
let env: Record<string, string>;
let runs: string[];

beforeAll(async () => {
  server = await startMlflow();
  env = { MLFLOW_TRACKING_URI: server.uri, TZ: 'UTC' };
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 20_000 });
  await mlflow.ensureRegisteredModel(MODEL);
  const experimentId = await mlflow.ensureExperiment('history');
  runs = [];
  for (const name of ['a', 'b', 'c']) {
    const { runId } = await mlflow.createRun({ experimentId, name, tags: {} });
    await mlflow.createVersion({ name: MODEL, source: `runs:/${runId}/model`, runId });
    runs.push(runId);
  }
}, 150_000);
afterAll(async () => {
  await mlflow.close();
  await server.stop();
});

const promoted = (championAuc: number | null): ProductionEntry['reason'] => ({
  code: 'promote',
  verdict: {
    code: 'passed',
    champion: '1',
    rules: [{ metric: 'test_auc', holds: true, challenger: 0.6843, champion: 0.68, maxLoss: 0.005 }],
    recorded: false,
  },
  forced: false,
  challengerAuc: 0.6843,
  championAuc,
});
const entry = (
  at: string,
  version: string,
  replaced: string | null,
  more: Partial<ProductionEntry> = {},
): ProductionEntry => ({
  at,
  version,
  replaced,
  by: `promote-${version}`,
  actor: 'schedule',
  reason: promoted(0.68),
  ...more,
});

/** Written as the workflows write it. */
async function record(...entries: ProductionEntry[]): Promise<void> {
  const config = loadConfig(env, PROJECT_ROOT);
  const { recordProduction } = createRegistryActivities({ config, mlflow });
  for (const one of entries) await recordProduction({ registeredModel: MODEL, entry: one });
}

describe('history --production', () => {
  it('before any change says that there was none', async () => {
    const { code, out } = await mediwatch(['history', '--production'], { env });
    expect([code, out]).toEqual([0, `No workflow has put a version of ${MODEL} into Production yet.\n`]);
  });

  it('tells of every change when, which version, what it replaced, who, why, and on which evidence', async () => {
    await record(
      entry('2026-11-20T02:00:00.000Z', '1', null, { reason: promoted(null) }),
      entry('2026-11-23T02:00:00.000Z', '2', '1'),
      entry('2026-11-24T09:30:00.000Z', '1', '2', {
        by: 'rollback-7',
        actor: 'grace',
        reason: { code: 'rollback', reason: 'complaints from ward 7' },
      }),
    );
    await mlflow.transitionStage(MODEL, '1', 'Production');
    const { code, out } = await mediwatch(['history', '--production'], { env });
    expect(code).toBe(0);
    const [first, ...others] = out.split('\n\n').slice(1);
    expect(first).toContain('2026-11-24 09:30:00 UTC  rolled back to version 1, in place of version 2');
    expect(first).toContain('who       grace, by rollback-7');
    expect(first).toContain('why       complaints from ward 7');
    expect(others[0]).toContain('promoted version 2, in place of version 1');
    expect(others[0]).toContain('evidence  test AUC 0.6843 against 0.6800');
    expect(others[0]).toContain(`/runs/${runs[1]}/artifacts/promotion/version-2-against-1.html`);
    expect(others[0]).toContain('/workflows/promote-2');
    expect(others[1]).toContain('promoted version 1, where nothing was');
    expect(out).not.toContain('by hand');
  });

  it('gives programs the newest first, as many as they ask for', async () => {
    const { out } = await mediwatch(['history', '--production', '--limit', '1', '--json'], { env });
    expect(JSON.parse(out)).toMatchObject({
      production: '1',
      total: 3,
      entries: [{ version: '1', replaced: '2', actor: 'grace', reason: { code: 'rollback' }, followsGap: false }],
    });
    expect((await mediwatch(['history', '--production', '--limit', '2'], { env })).out).toContain(
      '1 earlier; show them with --limit 3.',
    );
    expect((await mediwatch(['history', '--production', '--limit', '0'], { env })).code).toBe(2);
  });

  it.each([
    ['2026-11-24T09:30:00Z', '1'],
    ['2026-11-24T09:29:59Z', '2'],
    ['2026-11-24T10:00+01:00', '2'],
    ['2026-11-20T01:00Z', null],
  ])('at %s names version %s', async (at, version) => {
    const { code, out } = await mediwatch(['history', '--at', at, '--json'], { env });
    expect([code, JSON.parse(out).version]).toEqual([0, version]);
  });

  it('at a moment says since when, until when and why', async () => {
    const { out } = await mediwatch(['history', '--at', '2026-11-23T12:00Z'], { env });
    expect(out).toBe(
      'At 2026-11-23 12:00:00 UTC, version 2 of MediWatchReadmit was in Production: since 2026-11-23 02:00:00 UTC ' +
        '(promoted by schedule: Passed: test AUC 0.6843 against 0.6800 of version 1, allowed loss 0.005.), until 2026-11-24 09:30:00 UTC, when version 1 came.\n',
    );
  });

  it('tells when Production was changed past the workflows', async () => {
    await mlflow.transitionStage(MODEL, '3', 'Production', { archiveExisting: true });
    expect((await mediwatch(['history', '--production'], { env })).out).toContain(
      'Version 3 is in Production now, which no workflow did',
    );
    await record(entry('2026-11-25T02:00:00.000Z', '2', '3'));
    const { out } = await mediwatch(['history', '--production', '--limit', '1'], { env });
    expect(out).toContain('Between this and the one before, it was changed in MLflow by hand.');
  });

  it('shows what was taken back as what it is', async () => {
    const cause = 'The candidate answered 500.';
    await mlflow.setAlias(MODEL, 'champion', '3');
    await record(
      entry('2026-11-26T02:00:00.000Z', '3', '2'),
      { ...entry('2026-11-26T02:05:00.000Z', '2', '3'), reason: { code: 'restore', cause } },
      { ...entry('2026-11-26T03:00:00.000Z', '2', '2'), version: null, reason: { code: 'restore', cause } },
    );
    const { out } = await mediwatch(['history', '--production', '--limit', '2'], { env });
    expect(out).toContain('took back version 2: nothing was in Production again');
    expect(out).toContain('restored version 2, in place of version 3');
    expect(out).toContain('The promotion was taken back: The candidate answered 500.');
    const at = await mediwatch(['history', '--at', '2026-11-26T04:00Z'], { env });
    expect(at.out).toContain('nothing of MediWatchReadmit was in Production');
  });

  it('refuses what is no time, and says that MLflow does not answer', async () => {
    const wrong = await mediwatch(['history', '--at', 'yesterday'], { env });
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('"yesterday" is not a time')]);
    const away = await mediwatch(['history', '--production'], { env: { MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' } });
    expect([away.code, away.err]).toEqual([4, expect.stringContaining('nothing listens there')]);
  });
});

describe('the history in the tags', () => {
  it('is in order of time, and what is no entry is passed over', () => {
    const later = entry('2026-11-24T09:30:00.000Z', '2', '1');
    const earlier = entry('2026-11-23T09:30:00.000Z', '1', null);
    const tags = {
      'mediwatch.production.b': JSON.stringify(later),
      'mediwatch.production.a': 'broken',
      test_auc: '0.7',
    };
    const other = { 'mediwatch.production.c': JSON.stringify(earlier) };
    expect(
      entriesOf([
        { version: '2', tags },
        { version: '1', tags: other },
      ]),
    ).toEqual([earlier, later]);
  });

  it('does not take a put-back for a change by hand, where the change had broken off before it was written', () => {
    const before = entry('2026-11-23T09:30:00.000Z', '1', null);
    const restored = {
      ...entry('2026-11-24T09:30:00.000Z', '1', '2'),
      reason: { code: 'restore', cause: '' } as const,
    };
    expect(followsGap(restored, before)).toBe(false);
    expect(followsGap(entry('2026-11-24T09:30:00.000Z', '3', '2'), before)).toBe(true);
  });

  it('knows what was there before it begins', () => {
    const first = entry('2026-11-24T09:30:00.000Z', '5', '4');
    expect(momentOf([first], Date.parse('2026-01-01T00:00Z'))).toEqual({ version: '4', since: null, until: first });
    expect(momentOf([], 0)).toEqual({ version: null, since: null, until: null });
  });
});

describe('a time', () => {
  it('without a zone is one of this machine, also a date alone', () => {
    const local = new Date(2026, 10, 24, 10, 0).getTime();
    expect(localTime('2026-11-24T10:00')).toBe(local);
    expect(localTime('2026-11-24 10:00')).toBe(local);
    expect(localTime('2026-11-24')).toBe(new Date(2026, 10, 24).getTime());
    expect(localTime('2026-11-24T10:00:00Z')).toBe(Date.UTC(2026, 10, 24, 10));
  });
  it.each(['', '24.11.2026', '2026-13-01', '2026-11-24T25:00', '10:00'])('is not %j', (text) =>
    expect(() => localTime(text)).toThrow(InvalidArgumentError),
  );
  it.each(['2026-02-31', '2026-02-29', '2026-04-31 10:00', '2026-02-30T10:00Z'])(
    'of a day that does not exist is none: %j',
    (text) => {
      expect(() => localTime(text)).toThrow(InvalidArgumentError);
      expect(() => pastTime(text)).toThrow(InvalidArgumentError);
    },
  );
  it('on the 29th of February exists in a leap year', () => {
    expect(localTime('2028-02-29T00:00Z')).toBe(Date.UTC(2028, 1, 29));
  });
});
