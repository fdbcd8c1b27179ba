import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/activities/index.ts';
import { createPlanActivities } from '../../src/activities/orchestration.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import type { DriftDocument } from '../../src/contracts/drift.ts';
import { failure } from '../../src/contracts/errors.ts';
import { TAGS } from '../../src/contracts/names.ts';
import type { ProductionEntry, RegistrySnapshot, RegistryStage } from '../../src/contracts/registry.ts';
import type { Dataset, Params } from '../../src/contracts/training.ts';
import { inProduction, planPromotion, planRestore, type RegistryChange } from '../../src/domain/registryMoves.ts';

const ref = { uri: 'file:///store/aa', sha256: 'a'.repeat(64), sizeBytes: 1 };
const split = { rows: 10, groups: 10, positives: 2 };
export const DATASET: Dataset = {
  ref,
  rows: 30,
  groups: 30,
  positives: 6,
  splits: { train: split, validation: split, test: split },
  features: 3,
  sourceSha256: 'b'.repeat(64),
};

/** A drift document in which one of two features drifted, and the data set did not, with some of it changed. */
export function driftDocument(values: Partial<DriftDocument>): DriftDocument {
  const window = { source: 'predictions.csv', rows: 100, from: null, to: null };
  const column = { role: 'feature', method: 'ks', threshold: 0.05 } as const;
  return {
    schema: 'mediwatch.drift/1',
    key: 'c'.repeat(64),
    createdAt: null,
    tool: 'evidently 0.7.23',
    current: window,
    reference: window,
    minRows: 50,
    columns: [
      { ...column, name: 'age', score: 0.01, drifted: true },
      { ...column, name: 'stay', score: 0.4, drifted: false },
    ],
    driftedColumns: 1,
    share: 0.5,
    shareThreshold: 0.6,
    datasetDrift: false,
    ...values,
  };
}

/** What the workflows act upon in tests of the workflows alone: a registry, an API and training steps in memory. */
export interface World {
  /** Every call of an activity, in order. */
  calls: Array<{ name: string; input: Record<string, unknown> }>;
  versions: Array<{ version: string; stage: string; tags: Record<string, string>; auc: number }>;
  aliases: Record<string, string>;
  serving: { key: string; version: string } | null;
  candidates: Set<string>;
  /** Every shift of traffic, in order. */
  shares: Array<{ key: string; share: number }>;
  /** The registry before the change that is under way, or was the latest. */
  change: { key: string; before: RegistrySnapshot } | null;
  /** History of Production, in order. */
  history: ProductionEntry[];
  runs: Map<string, string>;
  /** Replaces activities, to fail or to wait. */
  override: Partial<Activities>;
  activities(): Partial<Activities>;
  count(name: keyof Activities): number;
}

/** Adds versions with these AUCs, numbered from 1; the first is in Production and serves. */
export function addVersions(world: World, ...aucs: number[]): void {
  for (const [index, auc] of aucs.entries()) {
    const stage = index === 0 ? 'Production' : 'None';
    world.versions.push({ version: String(index + 1), stage, tags: {}, auc });
  }
  world.aliases.champion = '1';
  world.serving = { key: '1-first', version: '1' };
  world.candidates.add('1-first');
}

/**
 * @param options.told whether anybody is to be told of what happens
 * @param options.report whether versions get a report
 * @param options.models registered models that the settings declare, each with a gateway of its own
 */
export function createWorld(
  env: Record<string, string> = {},
  { told = false, report = true, models = [] }: { told?: boolean; report?: boolean; models?: string[] } = {},
): World {
  const config = loadConfig({ MEDIWATCH_SEARCH_PARALLEL: '2', ...env }, '/nowhere');
  if (told) config.notifications.push({ kind: 'command', passEnv: [], command: ['true'], minSeverity: 'info' });
  config.steps.report.skip = !report;
  declare(config, models);
  const world: World = {
    calls: [],
    versions: [],
    aliases: {},
    serving: null,
    candidates: new Set(),
    shares: [],
    change: null,
    history: [],
    runs: new Map(),
    override: {},
    activities: () => recorded(world, { ...base, ...world.override }),
    count: (name) => world.calls.filter((call) => call.name === name).length,
  };
  const snapshot = (): RegistrySnapshot => ({
    versions: world.versions.map(({ version, stage }) => ({ version, registryStage: stage as RegistryStage })),
    aliases: { ...world.aliases },
  });
  const find = (version: string) => {
    const found = world.versions.find((other) => other.version === version);
    if (!found) throw failure('ModelNotFound', `There is no version ${version}.`);
    return found;
  };

  const base: Partial<Activities> = {
    ...createPlanActivities({ config, searchable: () => true }),
    async openRun({ key }) {
      world.runs.set(key, 'RUNNING');
      return { runId: key, url: 'http://mlflow/run' };
    },
    async closeRun({ runId, status }) {
      world.runs.set(runId, status);
    },
    async runExtraStep() {},
    async prepareDataset() {
      return DATASET;
    },
    async proposeTrials({ count, trials }) {
      return Array.from({ length: count }, (_, index): Params => ({ x: trials.length + index }));
    },
    async runRung() {
      return { score: 0.5, pruned: false };
    },
    async recordPruned({ key }) {
      return { runId: key };
    },
    async runTrial({ number, key }) {
      return { score: 0.6 + number / 1000, metrics: {}, runId: key };
    },
    async trainModel({ runId }) {
      return { runId, modelUri: `models:/${runId}`, metrics: { test_auc: 0.68 } };
    },
    async writeReport({ version }) {
      const url = `http://mlflow/run/report/${version}`;
      find(version).tags[TAGS.report] = url;
      return { reportUri: `runs:/run-${version}/report/report.html`, url };
    },
    async compareVersions({ challenger, champion }) {
      const scores = (version: string) => ({ test_auc: find(version).auc });
      return {
        challenger: scores(challenger),
        champion: champion === null ? null : scores(champion),
        championProblem: '',
        differences: {},
      };
    },
    async registerVersion({ registeredModel, key, trained }) {
      const known = world.versions.find(({ tags }) => tags.key === key);
      const version = known?.version ?? String(world.versions.length + 1);
      if (!known) world.versions.push({ version, stage: 'None', tags: { key }, auc: trained.metrics.test_auc ?? 0 });
      world.aliases.challenger = version;
      const champion = world.versions.find(({ stage }) => stage === 'Production')?.version ?? null;
      return { registeredModel, version, runId: trained.runId, metrics: trained.metrics, champion };
    },
    async describeVersion({ version }) {
      const { version: number, tags } = find(version ?? String(world.versions.length));
      return {
        version: number,
        dataset: ref,
        rolledBack: tags.rolledBack ?? null,
        reportUrl: tags[TAGS.report] ?? null,
        tags,
        createdAt: Date.now(),
      };
    },
    async readRegistry({ beforeChange }) {
      return world.change && world.change.key === beforeChange ? world.change.before : snapshot();
    },
    async beginChange({ key }) {
      if (world.change?.key !== key) world.change = { key, before: snapshot() };
      return world.change.before;
    },
    async promoteVersion({ version, registryStage }) {
      apply(world, planPromotion(snapshot(), version, registryStage));
    },
    async restoreRegistry({ snapshot: wanted }) {
      const left = inProduction(snapshot());
      apply(world, planRestore(snapshot(), wanted));
      world.change = null;
      return { left };
    },
    async recordVerdict({ version, judgement }) {
      find(version).tags.verdict = judgement.verdict.code;
    },
    async recordProduction({ entry }) {
      world.history.push(entry);
      return null;
    },
    async admitDecision() {},
    async audit() {
      return null;
    },
    async markRolledBack({ version, reason }) {
      find(version).tags.rolledBack = reason;
    },
    async serving() {
      return world.serving && { ...world.serving, model: 'MediWatchReadmit' };
    },
    async bringUpCandidate({ key }) {
      world.candidates.add(key);
      return [{ name: 'health', ok: true, detail: '', ms: 1 }];
    },
    async shiftTraffic({ key, share }) {
      if (share === 1) world.serving = { key, version: key.split('-')[0] as string };
      world.shares.push({ key, share });
    },
    async traffic() {
      return [...world.candidates].map((key) => ({ key, requests: 0, failed: 0, latencyMs: null, probabilities: [] }));
    },
    async bakeImage({ version }) {
      const image = {
        reference: 'api@sha256:aa',
        imageId: 'sha256:aa',
        tag: `api:${version}`,
        built: true,
        pushed: true,
      };
      const model = { model: 'MediWatchReadmit', version, runId: null, modelSha256: 'd'.repeat(64) };
      return { ...image, platforms: ['linux/amd64'], note: '', ...model };
    },
    async preflight() {},
    async makeDriftReport() {
      return { document: driftDocument({}), htmlPath: null, jsonPath: null, url: 'http://mlflow/run' };
    },
    async raiseAlert({ registeredModel }) {
      return `driftSteward/${registeredModel}`;
    },
    async earlierChecks() {
      return [];
    },
    async notify() {
      return [];
    },
    async idle() {
      return [...world.candidates].filter((key) => key !== world.serving?.key);
    },
    async stopIdle({ key, force = false }) {
      if (world.serving?.key === key) {
        if (!force) throw ApplicationFailure.nonRetryable('it serves');
        world.serving = null;
      }
      world.candidates.delete(key);
    },
  };
  return world;
}

/** MLflow's own behaviour: archiving the others of the stage is one transaction with the move. */
function apply(world: World, changes: RegistryChange[]): void {
  for (const change of changes) {
    if (change.kind === 'setAlias') world.aliases[change.alias] = change.version;
    else if (change.kind === 'deleteAlias') delete world.aliases[change.alias];
    else {
      for (const other of world.versions) {
        if (other.version === change.version) other.stage = change.registryStage;
        else if (change.archiveExisting && other.stage === change.registryStage) other.stage = 'Archived';
      }
    }
  }
}

function recorded(world: World, activities: Partial<Activities>): Partial<Activities> {
  const wrap = (name: string, method: (input: never) => Promise<unknown>) => async (input: never) => {
    world.calls.push({ name, input });
    return await method(input);
  };
  return Object.fromEntries(
    Object.entries(activities).map(([name, method]) => [name, wrap(name, method as never)]),
  ) as Partial<Activities>;
}

/** As the section `models` would: the first is meant when none is named. */
function declare(config: Config, names: readonly string[]): void {
  const own = names.map((name, index) => [
    name,
    {
      ...config,
      registry: { registeredModel: name },
      deployment: { ...config.deployment, adminUrl: `http://127.0.0.1:${9001 + index}` },
    },
  ]);
  config.models = Object.fromEntries(own);
  if (names[0] !== undefined) config.registry.registeredModel = names[0];
}
