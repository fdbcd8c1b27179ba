import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAILURES, failure as failureOfType } from '../../src/contracts/errors.ts';
import { STAGES, type Stage } from '../../src/contracts/names.ts';
import type { Facts, StageProgress, WorkflowFailure } from '../../src/contracts/progress.ts';
import { WORKFLOWS, type WorkflowName } from '../../src/contracts/workflows.ts';
import { beginProgress } from '../../src/domain/progress.ts';
import { explainFailure } from '../../src/words/explain.ts';

interface Told extends Partial<WorkflowFailure> {
  workflow?: WorkflowName;
  stages?: StageProgress[];
  facts?: Facts;
  dryRun?: boolean;
}

/** The explanation of a workflow that failed like this. */
function explained({ workflow = 'retrain', stages = [], facts = {}, dryRun = false, ...failure }: Told) {
  const subject = { workflow, workflowId: 'w', parentId: null, registeredModel: null, version: null, dryRun };
  const progress = { ...beginProgress({ ...subject, stages: [] }), stages, facts };
  const message = failureOfType('StepFailed', 'No convergence.').message;
  return explainFailure(progress, { type: 'StepFailed', message, cancelled: false, child: null, ...failure });
}
/** Stages of a retrain that failed in one of them. */
const failedIn = (name: Stage): StageProgress[] =>
  STAGES.map((stage, index) => ({
    name: stage,
    state: index < STAGES.indexOf(name) ? 'done' : stage === name ? 'failed' : 'waiting',
  }));

describe('a failed retrain', () => {
  it.each([
    ['prepareData', {}, 'No version became the challenger. What is in Production, and the API, are unchanged.'],
    ['hyperparameterSearch', {}, 'Trials that had finished are kept in MLflow.'],
    ['trainBestAndRegister', {}, 'No version became the challenger.'],
    ['trainBestAndRegister', { registered: '4' }, 'Version 4 stays registered as the challenger.'],
    ['promote', { registered: '4' }, 'Version 4 stays registered, and is not in Production.'],
  ] as const)('in %s with %j tells what was left', (stage, facts, left) => {
    expect(explained({ stages: failedIn(stage), facts }).left).toContain(left);
  });

  it('names the stage, the child workflow, the log, and where to go on', () => {
    const { happened, next } = explained({ stages: failedIn('trainBestAndRegister'), child: 'w/trainBestAndRegister' });
    expect(happened).toBe(
      'Failed in "Train and register", in the child workflow w/trainBestAndRegister: No convergence.',
    );
    expect(next).toContain(FAILURES.StepFailed.next);
    expect(next).toContain('"mediwatch logs w/trainBestAndRegister"');
    expect(next).toContain('choose "Reset" on this page');
  });
});

describe('a failed promotion', () => {
  const promotion = (facts: Facts, more: Told = {}) =>
    explained({ workflow: 'promote', type: 'CandidateUnhealthy', facts, ...more });

  it('says what is in Production when nothing was changed', () => {
    expect(promotion({ version: '2', inProduction: '1' }).left).toBe(
      'Version 2 was not promoted: version 1 is in Production. The API was not touched.',
    );
    expect(promotion({}).left).toBe('Nothing was promoted: registry and API are unchanged. The API was not touched.');
  });

  it('says that all was put back, or that it could not be', () => {
    expect(promotion({ version: '2', inProduction: '1', putBack: true }).left).toContain(
      'put back as it was: version 1 is in Production',
    );
    const broken = promotion({ version: '2', inProduction: '1', putBack: 'MLflow is away.' });
    expect(broken.left).toContain('could not be put back (MLflow is away.)');
    expect(broken.next).toContain('mediwatch doctor --fix-aliases');
  });

  it('that was rejected is not to be repaired', () => {
    const { next } = promotion(
      {},
      { type: 'ApprovalRejected', message: 'ada rejected version 2: no. Nothing was changed.' },
    );
    expect(next).not.toContain('Start Workflow Like This One');
  });
});

describe('a cancelled workflow', () => {
  it('says what was ended, and that nothing is to be cleaned up', () => {
    const stages: StageProgress[] = [{ name: 'hyperparameterSearch', state: 'cancelled' }];
    const told = explained({ workflow: 'hyperparameterSearch', cancelled: true, stages });
    expect(told.happened).toBe('It was cancelled during "Search hyperparameters".');
    expect(told.left).toContain('the processes of its steps are gone');
    expect(told.next).toContain('Nothing has to be cleaned up');
  });
});

it('a dry run changed nothing', () => {
  expect(explained({ workflow: 'rollback', dryRun: true }).left).toBe('A dry run changes nothing.');
});

it('every failure of every workflow is explained in sentences', () => {
  const version = fc.option(fc.constantFrom('1', '2'), { nil: null });
  const any = fc.record({
    workflow: fc.constantFrom(...(Object.keys(WORKFLOWS) as WorkflowName[])),
    type: fc.option(fc.constantFrom(...Object.keys(FAILURES), 'TypeError'), { nil: null }),
    message: fc.string({ minLength: 1 }),
    cancelled: fc.boolean(),
    child: fc.option(fc.constant('w/promote'), { nil: null }),
    stages: fc.constantFrom([], ...STAGES.map(failedIn)),
    facts: fc.record(
      {
        version: fc.constant('2'),
        registered: fc.constant('3'),
        inProduction: version,
        serving: version,
        alerted: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    dryRun: fc.boolean(),
  });
  fc.assert(
    fc.property(any, (values) => {
      const { happened, left, next } = explained(values);
      expect(happened).not.toBe('');
      for (const text of [left, next]) {
        expect(text).toMatch(/\.$/);
        expect(text).not.toMatch(/undefined|null/);
      }
    }),
  );
});
