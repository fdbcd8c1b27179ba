import { asksFor } from '../config/placeholders.ts';
import type { Config } from '../config.ts';
import type { StepName } from '../contracts/plans.ts';
import type { Path } from '../contracts/schemas.ts';
import type { Dataset, Params } from '../contracts/training.ts';
import type { NotTried, Outcome, Tried } from '../contracts/tried.ts';
import { middleOf, planOf, type RetrainPlan } from '../doctor/plan.ts';
import { judgeDrift } from '../domain/driftGate.ts';
import { rulesOfTask } from '../domain/firstScore.ts';
import { judgePromotion } from '../domain/promotionGate.ts';
import { textsOf } from '../systems/steps/index.ts';
import { driftVerdictText, verdictText } from '../words/verdicts.ts';
import { asActivity } from './activity.ts';
import { ApiRefused, tryApi } from './api.ts';
import { openWorld, type World } from './world.ts';

export interface TryOptions {
  registeredModel: string;
  /** Rows of the table that are tried; 0: all. */
  rows: number;
  signal: AbortSignal;
  /** Hears what is being done, and how far it is. */
  onProgress(step: Tried, what: unknown): void;
  /** Hears what came of each step. */
  onOutcome(outcome: Outcome): void;
}

/**
 * Tries the steps of a retrain one after the other, on a few rows: preparation, one trial, training, registration,
 * evaluation, report, API; and the drift check, on what there is to check.
 * It needs no server, touches no registry but its own, and leaves nothing, except what the project's own commands write.
 *
 * @throws the reason of the signal when it is aborted; everything is removed then, too
 */
export async function tryProject(shared: Config, options: TryOptions): Promise<Outcome[]> {
  const { signal, onProgress, onOutcome } = options;
  const outcomes: Outcome[] = [];
  const add = (outcome: Outcome) => {
    outcomes.push(outcome);
    onOutcome(outcome);
  };

  /** Runs a step; undefined: it failed. */
  async function step<Value>(
    named: Pick<Outcome, 'step' | 'name' | 'setting'>,
    run: () => Promise<Value>,
    factsOf: (value: Value) => Outcome['facts'] = () => ({}),
  ): Promise<Value | undefined> {
    const startedAt = performance.now();
    const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10;
    onProgress(named.step, null);
    try {
      const beat = { signal, onProgress: (what: unknown) => onProgress(named.step, what) };
      const value = await asActivity(beat, run);
      const { setting: _, ...passed } = named;
      add({ ...passed, state: 'passed', seconds: seconds(), facts: factsOf(value) });
      return value;
    } catch (error) {
      signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      const { proposal = null, passes = false } = error instanceof ApiRefused ? error : {};
      add({ ...named, state: 'failed', seconds: seconds(), facts: {}, message, ...(proposal && { proposal, passes }) });
      return undefined;
    }
  }
  const skip = (name: Tried, why: NotTried) => add({ step: name, state: 'skipped', seconds: 0, why, facts: {} });

  const world = await step(
    { step: 'start' },
    () => openWorld(shared, options),
    ({ sample: { rows, of } }) => ({ rows, of }),
  );
  if (!world) return outcomes;
  try {
    await trySteps(world, { step, skip, ...options });
    return outcomes;
  } finally {
    await world.close();
  }
}

interface Doing extends TryOptions {
  step<Value>(
    named: Pick<Outcome, 'step' | 'name' | 'setting'>,
    run: () => Promise<Value>,
    factsOf?: (value: Value) => Outcome['facts'],
  ): Promise<Value | undefined>;
  skip(step: Tried, why: NotTried): void;
}

/** Steps of a retrain that each need what the one before made. */
const CHAIN = ['prepare', 'trial', 'train', 'register', 'evaluate', 'report', 'api'] as const;

async function trySteps(world: World, doing: Doing): Promise<void> {
  const { config, training, registry } = world;
  const { registeredModel, signal, step, skip } = doing;
  const plan = planOf(config, { registeredModel, data: config.data.path, trials: 1, parallel: 1 });
  const { data, seed, model } = plan;
  const common = { registeredModel, data, model, seed };
  const placeOf = (name: StepName): Path =>
    config.steps[name].command ? ['steps', name] : name === 'prepare' ? ['data'] : ['training'];

  /** The project's own steps beside a stage; those of promotion and API may tell others of what is only tried. */
  const extra = async (
    stage: string,
    when: 'before' | 'after',
    dataset: Dataset | undefined,
    version: string | null = null,
  ) => {
    for (const { name } of plan.extraSteps.filter((one) => one.stage === stage && one.when === when)) {
      const index = config.extraSteps.findIndex((one) => one.name === name);
      const request = { ...common, name, dataset: dataset?.ref ?? null, version, key: `try/extra/${name}` };
      await step({ step: 'extra', name, setting: ['extraSteps', index] }, () => training.runExtraStep(request));
    }
  };

  /** Without what this step makes, only drift is looked for. */
  const endAfter = async (name: (typeof CHAIN)[number], reason: NotTried) => {
    for (const later of CHAIN.slice(CHAIN.indexOf(name) + 1)) skip(later, reason);
    await tryMonitor(world, doing, null);
  };

  await extra('prepareData', 'before', undefined);
  const dataset = await step(
    { step: 'prepare', setting: placeOf('prepare') },
    () => training.prepareDataset({ registeredModel, data, seed, force: false }),
    ({ rows }) => ({ rows }),
  );
  if (!dataset) return await endAfter('prepare', 'withoutData');
  await extra('prepareData', 'after', dataset);
  const { runId } = await asActivity({ signal, onProgress: () => {} }, () =>
    registry.openRun({ key: 'try', purpose: 'try', subject: { registeredModel, model, seed }, trigger: null }),
  );

  await extra('hyperparameterSearch', 'before', dataset);
  const params = await tryTrial(world, doing, { ...common, dataset, parentRunId: runId });
  await extra('hyperparameterSearch', 'after', dataset);

  await extra('trainBestAndRegister', 'before', dataset);
  const trained = await step(
    { step: 'train', setting: placeOf('train') },
    () => training.trainModel({ ...common, dataset, params, runId, key: 'try/train', trials: [] }),
    ({ metrics }) => ({ metrics }),
  );
  if (!trained) return await endAfter('train', 'withoutModel');
  const version = await step(
    { step: 'register', setting: ['registry'] },
    () =>
      registry.registerVersion({
        ...{ registeredModel, key: 'try/version', trained, model, dataset: dataset.ref },
        ...{ seed, trigger: null, driftReport: null },
      }),
    (registered) => ({ version: registered.version }),
  );
  if (!version) return await endAfter('register', 'withoutModel');
  await extra('trainBestAndRegister', 'after', dataset, version.version);

  await tryEvaluation(world, doing, plan, { dataset, version: version.version });
  if (!plan.report) skip('report', 'noReport');
  else {
    const lineage = { workflowId: 'try', workflowUrl: '', trigger: 'try', startedAt: new Date().toISOString() };
    const search = {
      trials: [],
      metric: config.search.metric ?? '',
      direction: plan.direction,
      space: plan.space ?? null,
    };
    await step({ step: 'report', setting: ['steps', 'report'] }, () =>
      training.writeReport({
        ...{ registeredModel, version: version.version, champion: null, dataset, model, params, search },
        ...{ lineage: { ...lineage, data, seed }, driftReport: null, outcome: null },
      }),
    );
  }

  const { target } = config.deployment;
  if (target === 'none') skip('api', 'noApi');
  else if (target === 'docker' && config.docker.network) skip('api', 'inNetwork');
  else {
    await step(
      { step: 'api', setting: ['deployment'] },
      () => tryApi(world, version.version, signal),
      ({ checks }) => ({ checks: checks.map(({ name }) => name) }),
    );
  }
  await tryMonitor(world, doing, version.version);
}

/** Scores the version as a promotion would; that it is no better than a trivial model may be due to the few rows. */
async function tryEvaluation(
  { config, training, registry }: World,
  { step, skip, registeredModel }: Doing,
  plan: RetrainPlan,
  { dataset, version }: { dataset: Dataset; version: string },
): Promise<void> {
  const { rules } = plan;
  if (plan.policy !== 'rules') return skip('evaluate', 'noRules');
  const setting = config.steps.evaluate.command ? ['steps', 'evaluate'] : ['promotion'];
  await step(
    { step: 'evaluate', setting },
    async () => {
      const contest = { dataset: dataset.ref, registeredModel, challenger: version, champion: null, rules };
      const comparison = await training.compareVersions(contest);
      const challenger = await registry.describeVersion({ registeredModel, version });
      const { verdict } = judgePromotion({
        ...plan,
        ...{ challenger, champion: null, comparison, force: false, now: Date.now(), rolledBack: null },
        rules: rulesOfTask(rules, comparison.primary),
      });
      if (verdict.code === 'scoresMissing') throw new Error(verdictText(verdict));
      return { metrics: comparison.challenger, gate: verdict };
    },
    (found) => found,
  );
}

/** Checks the predictions that there are for drift; a command that does not ask for our log has its own. */
async function tryMonitor(
  { config, registry, monitoring }: World,
  { step, skip, registeredModel, signal }: Doing,
  version: string | null,
): Promise<void> {
  const { command, env } = config.steps.monitor;
  const { log, minRows, reference } = config.monitoring;
  if (!log && (!command || asksFor(textsOf({ command, env }), 'log'))) return skip('monitor', 'noLog');
  if (reference === 'training' && version === null) return skip('monitor', 'withoutModel');
  await step(
    { step: 'monitor', setting: command ? ['steps', 'monitor'] : ['monitoring'] },
    async () => {
      // The rows to compare with are those of the version in Production.
      if (version !== null) await registry.promoteVersion({ registeredModel, version, registryStage: 'Production' });
      const subject = { registeredModel };
      const { runId } = await registry.openRun({ key: 'try/monitor', purpose: 'drift-check', subject, trigger: null });
      const { document } = await monitoring.makeDriftReport({ registeredModel, log, minRows, reference, runId });
      signal.throwIfAborted();
      const verdict = judgeDrift(document, config.driftGate, minRows);
      if (verdict.verdict === 'cannot tell') throw new Error(driftVerdictText(verdict));
      return verdict;
    },
    (drift) => ({ drift }),
  );
}

interface TrialOf {
  registeredModel: string;
  data: string;
  model: string;
  seed: number;
  dataset: Dataset;
  parentRunId: string;
}

/** One trial, or the search of one command with one trial; gives the parameters that it had, for the training. */
async function tryTrial({ config, training }: World, { step, skip }: Doing, common: TrialOf): Promise<Params | null> {
  const { search, trial } = config.steps;
  const { dataset, ...rest } = common;
  const request = { ...rest, dataset: dataset.ref };
  const middle = config.search.space ? middleOf(config.search.space) : null;
  if (search.command) {
    if (!asksFor(textsOf({ ...search, command: search.command }), 'trials')) {
      skip('trial', 'wholeSearch');
      return middle;
    }
    const found = await step(
      { step: 'trial', setting: ['steps', 'search'] },
      () => training.runSearch({ ...request, trials: 1, parallel: 1, key: 'try/search' }),
      ({ best }) => (best.score === undefined ? {} : { score: best.score }),
    );
    return found?.best.params ?? middle;
  }
  if (search.skip || trial.skip || config.search.trials === 0) {
    skip('trial', 'noSuchStep');
    return null;
  }
  let params: Params | undefined;
  const { sampler, space = null, direction } = config.search;
  const { registeredModel, model, seed } = common;
  await step(
    { step: 'trial', setting: ['steps', 'trial'] },
    async () => {
      const asked = { registeredModel, model, sampler, space, seed, direction, count: 1, trials: [] };
      [params] = await training.proposeTrials(asked);
      return await training.runTrial({ ...request, number: 0, params: params ?? {}, key: 'try/trial/0' });
    },
    ({ score }) => ({ score }),
  );
  return params ?? middle;
}
