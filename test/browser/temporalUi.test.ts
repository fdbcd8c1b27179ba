import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ALIASES, TAGS, workflowIds } from '../../src/contracts/names.ts';
import { WORKFLOWS, type WorkflowName } from '../../src/contracts/workflows.ts';
import { chromiumProblem } from '../support/browser.ts';
import { dockerProblem, ensureDaemon, localTags, removeAll } from '../support/docker.ts';
import { until } from '../support/until.ts';
import { type OperatorStack, openOperatorStack } from './support/operatorStack.ts';
import type { WorkflowPage } from './support/workflowPage.ts';

const MODEL = 'MediWatchReadmit';
const STEWARD = workflowIds.steward(MODEL);
/** So many that a search lasts longer than it takes to open its page. */
const TRIALS = 40;
const noDocker = await dockerProblem();
const skipped = chromiumProblem ? ` (skipped: ${chromiumProblem})` : '';

/**
 * An operator's day with nothing but the Temporal UI: the tests build on one another. What the pages say is held against
 * the registry, the runs and the API.
 */
describe.skipIf(chromiumProblem || process.platform !== 'linux')(
  `the Temporal UI${skipped}`,
  { timeout: 180_000 },
  () => {
    let operator: OperatorStack;
    /** Types whose form was sent empty, and with an input. */
    const started = { empty: new Set<string>(), filled: new Set<string>() };

    beforeAll(async () => {
      operator = await openOperatorStack();
    }, 240_000);
    afterEach(() => operator.ui.closeTabs());
    afterAll(async () => {
      if (!noDocker) await removeAll({ label: 'mediwatch.test=none', repository: operator.repository });
      await operator?.dispose();
    }, 60_000);

    function start(id: string, type: WorkflowName, input?: object): Promise<WorkflowPage> {
      started[input ? 'filled' : 'empty'].add(type);
      return operator.ui.start({ id, type, input: input && JSON.stringify(input) });
    }
    const versions = () => operator.mlflow.listVersions(MODEL);
    const champion = async () => (await operator.mlflow.getByAlias(MODEL, ALIASES.champion))?.version;
    const resultOf = <Result>(id: string) => operator.client.workflow.getHandle(id).result() as Promise<Result>;
    const runsOf = async (filter: string) =>
      operator.mlflow.searchRuns(await operator.mlflow.ensureExperiment('mediwatch'), filter);
    const data = () => join(operator.stack.dir, 'sample.csv');

    test('a wrong input is answered on the page: each wrong field, what was expected, an example', async () => {
      const page = await start('wrong', 'retrain', { trials: 'many', colour: 1 });
      expect(await page.ended()).toBe('Failed');
      const details = await page.details();
      await page.screenshot('wrong-input');
      for (const text of [details, await page.result()]) {
        expect(text).toMatch(/trials.*expected a whole number/s);
        expect(text).toContain('colour');
        expect(text.replaceAll(/[\s\\]/g, '')).toContain(JSON.stringify(WORKFLOWS.retrain.example));
      }
    });

    test('text that is not JSON cannot be sent', async () => {
      const { page, screenshot } = await operator.ui.form({ id: 'no-json', type: 'retrain', input: '{"trials": 3' });
      await page.getByRole('alert').getByText('JSON').waitFor();
      await screenshot('not-json');
      expect(await page.getByTestId('start-workflow-button').isDisabled()).toBe(true);
    });

    test('a retrain shows its stages, its trials and the best so far while it runs, and serves in the end', async () => {
      const page = await start('retrain-filled', 'retrain', { trials: TRIALS, registryStage: 'Production' });
      const early = await page.untilDetails(new RegExp(`of ${TRIALS} trials.*Best so far`, 's'));
      await page.screenshot('retrain-1-search');
      expect(early).toMatch(/validation AUC 0\.\d{4}/);
      expect(early).toMatch(/learning_rate [\d.]+/);
      const more = await page.untilDetails(new RegExp(`\\b(?!${trialsDone(early)} )\\d+ of ${TRIALS} trials`));
      await page.screenshot('retrain-2-more-trials');
      expect(trialsDone(more)).toBeGreaterThan(trialsDone(early));
      await page.untilDetails(/✔\s+Search hyperparameters/);
      await page.screenshot('retrain-3-trains');

      expect(await page.ended()).toBe('Completed');
      const details = await page.details();
      await page.screenshot('retrain-4-ended');
      expect(details.match(/✔/g)).toHaveLength(5);
      const links = await page.links();
      const [version] = await versions();
      expect(links['MLflow run']).toContain(version?.runId);
      expect(await (await fetch(links['MLflow run'] as string)).text()).toContain('<html');
      expect(version).toMatchObject({ version: '1', stage: 'Production' });
      expect(await operator.served()).toBe('1');
      expect(await runsOf(`tags.mlflow.parentRunId = '${version?.runId}'`)).toHaveLength(TRIALS);
      expect(await page.searchAttributes()).toMatch(
        /MediwatchVersion.*MediwatchTestAuc|MediwatchTestAuc.*MediwatchVersion/s,
      );
      await page.screenshot('retrain-5-search-attributes');
    });

    test('without an input a retrain does what mediwatch.yaml says', async () => {
      const page = await start('retrain-empty', 'retrain');
      expect(await page.ended()).toBe('Completed');
      expect(await page.details()).toContain('2 of 2 trials');
      expect(await champion()).toBe('2');
      expect(await operator.served()).toBe('2');
    });

    describe('single stages', () => {
      let pages: Record<'prepareData' | 'hyperparameterSearch' | 'trainBestAndRegister', WorkflowPage[]>;

      beforeAll(async () => {
        const [prepare, search, train] = await Promise.all([
          both('prepareData', { data: data() }),
          both('hyperparameterSearch', { trials: 3, parallel: 2 }),
          both('trainBestAndRegister', { model: 'rf' }),
        ]);
        pages = { prepareData: prepare, hyperparameterSearch: search, trainBestAndRegister: train };
      }, 180_000);

      /** Starts a type without and with an input, and waits for the ends. */
      async function both(type: WorkflowName, input: object): Promise<WorkflowPage[]> {
        const found = await Promise.all([start(`${type}-empty`, type), start(`${type}-filled`, type, input)]);
        for (const page of found) {
          await expectCompleted(page);
          await page.details();
          await page.screenshot(page.id);
        }
        return found;
      }

      test('prepareData gives one data set for the same data', async () => {
        const [empty, filled] = await Promise.all(
          ['prepareData-empty', 'prepareData-filled'].map((id) => resultOf<{ ref: object; rows: number }>(id)),
        );
        expect(empty).toMatchObject({ rows: 4_000, ref: filled?.ref });
        expect(pages.prepareData).toHaveLength(2);
      });

      test.each([
        ['empty', 2],
        ['filled', 3],
      ])('hyperparameterSearch, %s, tries as many trials as asked for: %d', async (name, trials) => {
        const { complete, runId } = await resultOf<{ complete: number; runId: string }>(`hyperparameterSearch-${name}`);
        expect(complete).toBe(trials);
        expect(await runsOf(`tags.mlflow.parentRunId = '${runId}'`)).toHaveLength(trials);
      });

      test('trainBestAndRegister registers a version of the kind of model that was asked for', async () => {
        const [empty, filled] = await Promise.all(
          ['trainBestAndRegister-empty', 'trainBestAndRegister-filled'].map((id) => resultOf<{ version: string }>(id)),
        );
        const find = async (version?: string) => operator.mlflow.getVersion(MODEL, version as string);
        expect(await find(empty?.version)).toMatchObject({ stage: 'None', tags: { [TAGS.model]: 'hgb' } });
        expect(await find(filled?.version)).toMatchObject({ stage: 'None', tags: { [TAGS.model]: 'rf' } });
        expect(await champion()).toBe('2');
      });
    });

    test('promote takes the newest version to Production, or a named one to Staging', async () => {
      const [empty, filled] = await Promise.all([
        start('promote-empty', 'promote'),
        start('promote-filled', 'promote', { version: '3', registryStage: 'Staging' }),
      ]);
      for (const page of [empty, filled]) await expectCompleted(page);
      expect(await empty.details()).toMatch(/version 4 is in Production/);
      await empty.screenshot('promote-empty');
      expect(await filled.details()).toMatch(/version 3 is in Staging/);
      expect(await champion()).toBe('4');
      expect(await operator.served()).toBe('4');
    });

    test('promotions wait for a person, who approves one and rejects the other in the UI', async () => {
      const [one, other] = await Promise.all([
        start('approve-me', 'promote', { approval: true, version: '3' }),
        start('reject-me', 'promote', { approval: true, version: '1' }),
      ]);
      const details = await one.untilDetails(/Waiting/);
      await other.untilDetails(/Waiting/);
      await one.screenshot('approval-1-waits');
      // What the page tells a person to send is sent as it stands there.
      const [approve] = details.match(/\{[^}]*"approve"[^}]*\}/) as RegExpMatchArray;
      expect((await one.messages('Send an Update')).decide).toContain('"decision"');
      const query = 'MediwatchWaiting = "approval"';
      await until(async () => (await operator.ui.list(query)).length === 2, {
        timeoutMs: 20_000,
        what: 'two in the list',
      });
      expect(await operator.ui.list(`${query} AND MediwatchVersion = "3"`, 'list-waiting')).toEqual(['approve-me']);

      expect(await other.update('decide', '{"decision": "perhaps"}')).toMatchObject({
        accepted: false,
        why: expect.stringMatching(/decision.*approve.*reject/s),
      });
      await other.screenshot('approval-2-refused-decision');
      await other.page.reload();
      const rejection = { decision: 'reject', by: 'Kim', reason: 'too old' };
      expect(await other.update('decide', JSON.stringify(rejection))).toEqual({ accepted: true });
      expect(await other.ended()).toBe('Failed');
      expect(await other.details()).toMatch(/Kim.*too old/s);
      await other.screenshot('approval-3-rejected');
      expect(await champion()).toBe('4');

      expect(await one.update('decide', approve)).toEqual({ accepted: true });
      await expectCompleted(one);
      await one.details();
      await one.screenshot('approval-4-approved');
      expect(await champion()).toBe('3');
      expect(await operator.served()).toBe('3');
      await until(async () => (await operator.ui.list(query)).length === 0, {
        timeoutMs: 20_000,
        what: 'an empty list',
      });
    });

    test('rollback goes to the version before, or to a named one with a reason', async () => {
      const empty = await start('rollback-empty', 'rollback');
      await expectCompleted(empty);
      expect(await empty.details()).toMatch(/version 4/);
      await empty.screenshot('rollback-empty');
      expect(await champion()).toBe('4');
      expect(await operator.served()).toBe('4');
      const filled = await start('rollback-filled', 'rollback', { version: '2', reason: 'complaints from ward 7' });
      await expectCompleted(filled);
      expect(await operator.mlflow.getVersion(MODEL, '4')).toMatchObject({
        tags: { [TAGS.rolledBack]: expect.stringContaining('complaints from ward 7') },
      });
      expect(await operator.served()).toBe('2');
    });

    test('redeploy brings up the version in Production, or a named one', async () => {
      const empty = await start('redeploy-empty', 'redeploy');
      await expectCompleted(empty);
      expect(await operator.served()).toBe('2');
      const filled = await start('redeploy-filled', 'redeploy', { version: '1' });
      await expectCompleted(filled);
      await filled.screenshot('redeploy-filled');
      expect(await operator.served()).toBe('1');

      // It takes as long as a candidate may take, and is looked at below.
      await start('redeploy-broken', 'redeploy', { version: await operator.registerBroken(MODEL) });
    });

    test('buildImage builds the runtime image, or one of a version; without Docker it says so', async () => {
      if (!noDocker) await ensureDaemon();
      const pages = await Promise.all([
        start('buildImage-empty', 'buildImage'),
        start('buildImage-filled', 'buildImage', { version: '1' }),
      ]);
      for (const page of pages) {
        const details = await page.ended().then(() => page.details());
        await page.screenshot(page.id);
        expect(await page.status(), details).toBe(noDocker ? 'Failed' : 'Completed');
        if (noDocker) expect(details).toMatch(/Docker/);
      }
      if (!noDocker) expect(await localTags(operator.repository)).toEqual(expect.arrayContaining(['latest', 'v1']));
    });

    test('driftCheck skips a log with too few rows, and judges the rows that it is told to be enough', async () => {
      await operator.predict(40);
      const [empty, filled] = await Promise.all([
        start('driftCheck-empty', 'driftCheck'),
        start('driftCheck-filled', 'driftCheck', { minRows: 10, alert: false }),
      ]);
      for (const page of [empty, filled]) await expectCompleted(page);
      expect(await empty.details()).toMatch(/skipped/i);
      expect(await resultOf('driftCheck-filled')).toMatchObject({
        verdict: expect.stringMatching(/drift$/),
        alerted: false,
      });
      await filled.details();
      await filled.screenshot('driftCheck-filled');
    });

    test('a failed redeploy says what happened, and the version before still serves', async () => {
      const page = await operator.ui.open('redeploy-broken');
      expect(await page.ended()).toBe('Failed');
      const details = await page.details();
      await page.screenshot('failed-redeploy');
      expectExplanation(details);
      expect(details).toContain('cannot be loaded');
      expect(await operator.served()).toBe('1');
    });

    test('a failed retrain says what happened, what was left as it was, and what to do', async () => {
      const before = await champion();
      const page = await start('missing-data', 'retrain', { data: '/nowhere/patients.csv' });
      expect(await page.ended()).toBe('Failed');
      const details = await page.details();
      await page.screenshot('failed-retrain');
      expectExplanation(details);
      expect(details).toContain('/nowhere/patients.csv');
      expect(await champion()).toBe(before);
    });

    test('a steward is steered from its page: pause, alert, resume, and a retrain for the alert', async () => {
      const [empty, filled] = await Promise.all([
        start('steward-empty', 'driftSteward'),
        start('steward-filled', 'driftSteward', { registeredModel: MODEL }),
      ]);
      for (const page of [empty, filled]) {
        expect(await page.ended()).toBe('Completed');
        expect(await page.details()).toContain(STEWARD);
      }
      const steward = await operator.ui.open(STEWARD);
      expect(await steward.untilDetails(/next alert/)).toContain('retrainNow');
      await steward.screenshot('steward-1-idle');
      const signals = await steward.messages('Send a Signal');
      expect(signals.driftAlert).toContain('"reason"');

      expect(await steward.signal('pause', '{"by": "Kim", "reason": "ward 7 moves"}')).toEqual({ accepted: true });
      await steward.untilDetails(/Paused by Kim.*ward 7 moves/s);
      expect(await steward.signal('driftAlert', '{"reason": "ages differ"}')).toEqual({ accepted: true });
      await steward.untilDetails(/1 alert pending.*ages differ/s);
      await steward.screenshot('steward-2-paused');
      expect(await steward.signal('resume')).toEqual({ accepted: true });
      const details = await steward.untilDetails(/retrain-drift-\S+/);
      await steward.screenshot('steward-3-retrains');
      const [retrainId = ''] = details.match(/retrain-drift-[\w-]+/) ?? [];
      expect(await steward.update('retrainNow', '{"by": "Kim"}')).toMatchObject({
        accepted: false,
        why: expect.stringContaining('under way'),
      });
      await steward.page.reload();
      const retrain = await operator.ui.open(retrainId);
      await expectCompleted(retrain);
      await steward.untilDetails(/cool/i);
      await steward.screenshot('steward-4-cools-down');
      expect((await versions())[0]).toMatchObject({ stage: 'Production', tags: { [TAGS.trigger]: 'drift alert' } });
    });

    test('retrainNow starts a retrain in spite of the cooldown', async () => {
      const before = (await versions()).length;
      const steward = await operator.ui.open(STEWARD);
      expect(await steward.update('retrainNow', '{"by": "Kim", "reason": "new coding"}')).toEqual({ accepted: true });
      await until(async () => (await versions()).length > before, { timeoutMs: 120_000, what: 'one more version' });
      await steward.untilDetails(/cool/i);
      expect((await versions())[0]).toMatchObject({ tags: { [TAGS.trigger]: expect.stringContaining('Kim') } });
    });

    test('a retrain that is cancelled in its search leaves no run open and no version', async () => {
      const before = (await versions()).length;
      const retrain = await operator.ui.start({ id: 'cancel-me', type: 'retrain', input: '{"trials": 500}' });
      await retrain.untilDetails(/[1-9]\d* of 500 trials/);
      await retrain.requestCancellation();
      expect(await retrain.ended()).toBe('Canceled');
      expect(await retrain.details()).toMatch(/cancelled/);
      await retrain.screenshot('cancelled-retrain');
      expect(await versions()).toHaveLength(before);
      expect(await runsOf("attributes.status = 'RUNNING'")).toEqual([]);
    });

    test('a retrain is reset to the moment before its promotion, and goes on from there without a new version', async () => {
      const before = (await versions()).length;
      const { events } = await operator.client.workflow.getHandle('retrain-empty').fetchHistory();
      const promotion = events
        ?.map((event) => event.startChildWorkflowExecutionInitiatedEventAttributes)
        .find((child) => child?.workflowType?.name === 'promote');
      const page = await operator.ui.open('retrain-empty');
      await page.reset(Number(promotion?.workflowTaskCompletedEventId), 'promote it again');
      await expectCompleted(page);
      await page.details();
      await page.screenshot('reset-retrain');
      expect(await versions()).toHaveLength(before);
      expect(await champion()).toBe('2');
      expect(await operator.served()).toBe('2');
    });

    test('lists filtered by what a workflow is about show the right rows', async () => {
      const alone = 'ParentWorkflowId IS NULL';
      const promotions = `WorkflowType = "promote" AND MediwatchStage = "Production" AND ${alone}`;
      expect(await operator.ui.list(promotions, 'list-promotions')).toEqual(
        expect.arrayContaining(['promote-empty', 'approve-me']),
      );
      expect(await operator.ui.list(promotions)).not.toContain('reject-me');
      const failed = `MediwatchModel = "${MODEL}" AND ExecutionStatus = "Failed" AND ${alone}`;
      expect(await operator.ui.list(failed, 'list-failed')).toEqual(
        expect.arrayContaining(['missing-data', 'reject-me']),
      );
      expect(await operator.ui.list(`MediwatchTrigger = "drift alert" AND ${alone}`)).toEqual([
        expect.stringMatching(/^retrain-drift-/),
      ]);
    });

    test('each type was started with an empty and with a filled form', () => {
      const all = Object.keys(WORKFLOWS).toSorted();
      expect([...started.empty].toSorted()).toEqual(all);
      expect([...started.filled].toSorted()).toEqual(all);
    });
  },
);

/** How many trials the details of a retrain tell as done. */
function trialsDone(details: string): number {
  return Number(details.match(/(\d+) of \d+ trials/)?.[1]);
}

/** Waits for the end of a workflow; where it is not the one that is wanted, its page says why. */
async function expectCompleted(page: WorkflowPage): Promise<void> {
  const status = await page.ended();
  if (status !== 'Completed') expect(status, await page.details()).toBe('Completed');
}

function expectExplanation(details: string): void {
  expect(details).toMatch(/What happened\..*What was left as it was\..*What to do next\./s);
}
