import { beforeEach, describe, expect, it } from 'vitest';
import type { DriftDocument } from '../../src/contracts/drift.ts';
import { failure } from '../../src/contracts/errors.ts';
import { DriftAlert } from '../../src/contracts/steward.ts';
import type { DriftCheckResult } from '../../src/contracts/workflows.ts';
import { driftVerdictText } from '../../src/words/verdicts.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { failureOf } from '../support/workflowBench.ts';
import { createWorld, driftDocument, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  inWorld({});
});

function inWorld(settings: Record<string, string>): void {
  world = bench.world = createWorld(settings);
}
/** Lets the step make a report that says this. */
function reported(values: Partial<DriftDocument>): void {
  const report = { document: driftDocument(values), htmlPath: '/r.html', jsonPath: '/r.json', url: 'http://mlflow/r' };
  world.override.makeDriftReport = async () => report;
}
const check = async (input?: object) => (await bench.run('driftCheck', input)) as DriftCheckResult;
const inputOf = (name: string) => world.calls.filter((call) => call.name === name).map(({ input }) => input);

describe('a drift check', () => {
  it('tells the steward of drift, with the report and why', async () => {
    reported({ datasetDrift: true, share: 0.75, key: 'abc' });
    const result = await check({});
    expect(result).toMatchObject({ verdict: 'drift', alerted: true, registeredModel: 'MediWatchReadmit' });
    expect(result.columns).toEqual(['age']);
    expect(inputOf('raiseAlert')).toEqual([
      {
        registeredModel: 'MediWatchReadmit',
        alert: {
          key: 'report/abc',
          reason: driftVerdictText(result),
          source: 'driftCheck',
          report: 'http://mlflow/r',
          share: 0.75,
        },
      },
    ]);
  });

  it('tells it so that the steward can read it, however long the key of the report is', async () => {
    reported({ datasetDrift: true, key: 'k'.repeat(100) });
    await check({});
    const [{ alert }] = inputOf('raiseAlert') as [{ alert: unknown }];
    expect(DriftAlert.parse(alert).key).toBe(`report/${'k'.repeat(93)}`);
  });

  it('raises no alert without drift, and says why', async () => {
    reported({});
    expect(await check()).toMatchObject({
      verdict: 'no drift',
      alerted: false,
      grounds: { code: 'rules', findings: [{ rule: 'dataset', drift: false }] },
    });
    expect(world.count('raiseAlert')).toBe(0);
  });

  it('raises none when it is asked not to', async () => {
    reported({ datasetDrift: true });
    expect(await check({ alert: false })).toMatchObject({ verdict: 'drift', alerted: false });
    expect(world.count('raiseAlert')).toBe(0);
  });

  it('is skipped with too few rows, which is no failure', async () => {
    const few = { source: 'predictions.csv', rows: 37, from: null, to: null };
    reported({ current: few, columns: [], share: null, datasetDrift: null, driftedColumns: null });
    expect(await check({})).toMatchObject({
      verdict: 'skipped',
      grounds: { code: 'tooFewRows', window: 'current', rows: 37, minRows: 50 },
      alerted: false,
    });
    expect([...world.runs.values()]).toEqual(['FINISHED']);
  });

  it('fails when the report does not say what the gate asks for', async () => {
    reported({ datasetDrift: null, share: null });
    const handle = await bench.start('driftCheck', {});
    expect(await failureOf(handle)).toMatchObject({
      type: 'DriftUndecided',
      message: expect.stringContaining('the report does not say whether the data set drifted'),
    });
    expect(world.count('raiseAlert')).toBe(0);
    expect([...world.runs.values()]).toEqual(['FAILED']);
  });

  it('fails as the step does', async () => {
    world.override.makeDriftReport = async () => {
      throw failure('PredictionLogNotFound', 'There is no prediction log /logs.');
    };
    expect(await bench.refusal('driftCheck', {})).toMatchObject({ type: 'PredictionLogNotFound' });
  });

  it('follows the gate of the configuration', async () => {
    inWorld({ MEDIWATCH_DRIFT_GATE_DATASET: 'false', MEDIWATCH_DRIFT_GATE_COLUMNS: 'stay,age' });
    reported({ datasetDrift: false });
    expect(await check({})).toMatchObject({ verdict: 'drift', alerted: true });
  });

  it('takes log, reference and rows of its input', async () => {
    await check({ log: 'logs/*.csv', reference: 'training', minRows: 70 });
    expect(inputOf('makeDriftReport')).toMatchObject([
      { registeredModel: 'MediWatchReadmit', log: 'logs/*.csv', reference: 'training', minRows: 70 },
    ]);
  });

  it('refuses what it cannot be asked, and starts nothing', async () => {
    const refused = await bench.refusal('driftCheck', { minRows: 0, rows: 3 });
    expect(refused).toMatchObject({ type: 'InvalidInput', message: expect.stringContaining('minRows') });
    expect(world.count('openRun')).toBe(0);
  });

  it('makes the same alert of the same rows, however often they are checked', async () => {
    reported({ datasetDrift: true });
    await check({});
    await check({});
    const [first, second] = inputOf('raiseAlert').map(({ alert }) => (alert as { key: string }).key);
    expect(first).toBe(second);
  });
});
