import { basename } from 'node:path';
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { type Config, forModel } from '../config.ts';
import type { AuditMark } from '../contracts/audit.ts';
import { failure } from '../contracts/errors.ts';
import { ALIASES, TAGS } from '../contracts/names.ts';
import {
  type Comparison,
  type ModelVersionRef,
  type ProductionEntry,
  RegistrySnapshot,
} from '../contracts/registry.ts';
import { parseJson } from '../contracts/text.ts';
import { ArtifactRef, type Params, type TrainedModel } from '../contracts/training.ts';
import { firstScore } from '../domain/firstScore.ts';
import type { Judgement } from '../domain/promotionGate.ts';
import { inProduction, planPromotion, planRestore, productionOf } from '../domain/registryMoves.ts';
import { LAST_STEP } from '../domain/study.ts';
import type { CallOptions, Mlflow, ModelVersion } from '../systems/mlflow/index.ts';
import { applyChanges, readSnapshot } from '../systems/mlflow/registryChanges.ts';
import { assertLoadable } from '../systems/modelTrust.ts';
import { projectCommit } from '../systems/revision.ts';
import { changeReasonText, verdictText } from '../words/verdicts.ts';
import { type Audit, NO_AUDIT } from './lib/audited.ts';
import { comparisonPage } from './lib/comparisonPage.ts';
import { isBundledData } from './training/systems.ts';
import { stringified, type TrialRun, trialRun } from './training/trial.ts';

interface OpenRun {
  key: string;
  purpose: string;
  /** What the run is about, kept as its tags. */
  subject: {
    registeredModel: string;
    model?: string | undefined;
    trials?: number | undefined;
    seed?: number | undefined;
  };
  trigger: string | null;
}

interface CloseRun {
  runId: string;
  status: 'FINISHED' | 'FAILED' | 'KILLED';
  tags?: Record<string, string>;
}

interface VerdictRecord {
  registeredModel: string;
  version: string;
  champion: string | null;
  comparison: Comparison;
  judgement: Judgement;
}

/** The change that is under way, or was the latest, as a tag of the registered model keeps it. */
const Change = z.object({ key: z.string(), before: RegistrySnapshot });
type Change = z.infer<typeof Change>;

const EVENT_OF = { promote: 'promoted', rollback: 'rolledBack', restore: 'restored' } as const;

interface PrunedTrial extends TrialRun {
  registeredModel: string;
  params: Params;
  /** Unix time (ms). */
  endedAt: number;
  /** Where it ended (see domain/study.ts), and with which score. */
  step: number;
  score: number;
}

/** A tag holds 5,000 characters in older releases of MLflow: other versions in no stage are left out. */
function onlyPlaced({ versions, aliases }: RegistrySnapshot): RegistrySnapshot {
  const isPlaced = ({ version, registryStage }: RegistrySnapshot['versions'][number]) =>
    registryStage === 'Production' || registryStage === 'Staging' || version === aliases.champion;
  return { versions: versions.filter(isPlaced), aliases };
}

/** An attempt that is cancelled or timed out changes nothing any more, since others go on from what they find. */
const untilGivenUp = (): CallOptions => ({ signal: Context.current().cancellationSignal });

/**
 * `seed 42, test 0.15, by patient_nbr`: the same text, the same rows in the test split. Undefined: a command of the
 * project splits its data as it likes.
 */
function splitText(config: Config, seed: number | null): string | undefined {
  if (seed === null || !isBundledData(config)) return undefined;
  const { testFraction, group } = config.data;
  return `seed ${seed}, test ${testFraction}, by ${group ?? 'row'}`;
}

/** MLflow runs and the model registry: what the workflows write down. Every call may be repeated. */
export function createRegistryActivities({
  config: shared,
  mlflow,
  audit = NO_AUDIT,
}: {
  config: Config;
  mlflow: Mlflow;
  audit?: Audit;
}) {
  /** Where the page about a version of ours will be: it is written while the version is promoted. */
  const futureReport = async ({ tags, runId }: ModelVersion): Promise<string | null> => {
    const run = tags[TAGS.source] === 'retrain' && runId ? await mlflow.getRun(runId) : undefined;
    return run ? mlflow.links.reportUrl(run.experimentId, runId) : null;
  };

  const rememberedBefore = async (registeredModel: string, key: string): Promise<RegistrySnapshot | null> => {
    const tags = await mlflow.modelTags(registeredModel, untilGivenUp());
    const change = Change.safeParse(parseJson(tags[TAGS.change]));
    return change.data?.key === key ? change.data.before : null;
  };

  return {
    /** Opens the MLflow run of a workflow, or finds the one that it opened before. */
    async openRun({ key, purpose, subject, trigger }: OpenRun): Promise<{ runId: string; url: string }> {
      const { workflowId } = Context.current().info.workflowExecution ?? { workflowId: purpose };
      const config = forModel(shared, subject.registeredModel);
      const [experimentId, revision] = await Promise.all([
        mlflow.ensureExperiment(config.mlflow.experiment),
        projectCommit(config.root),
      ]);
      const tags = {
        // training.model says nothing of what a command trains.
        ...Object.fromEntries(
          Object.entries({ ...subject, model: config.steps.train.command ? undefined : subject.model }).flatMap(
            ([name, value]) => (value === undefined ? [] : [[`mediwatch.${name}`, String(value)]]),
          ),
        ),
        [TAGS.workflowId]: workflowId,
        [TAGS.purpose]: purpose,
        ...(revision && { [TAGS.revision]: revision }),
        ...(trigger && { [TAGS.trigger]: trigger }),
      };
      const { runId } = await mlflow.ensureRun({ experimentId, key, name: workflowId, tags });
      return { runId, url: mlflow.links.runUrl(experimentId, runId) };
    },

    /** @param request.tags what came of the workflow, for those who look later */
    async closeRun({ runId, status, tags = {} }: CloseRun): Promise<void> {
      await mlflow.logBatch(runId, { tags });
      await mlflow.updateRun(runId, { status, endTime: Date.now() });
    },

    /** Writes down a bundled trial that was pruned, as a run nested in the search's run. */
    async recordPruned(trial: PrunedTrial): Promise<{ runId: string }> {
      const { registeredModel, params, step, score, endedAt } = trial;
      const tags = { [TAGS.pruned]: `${step}/${LAST_STEP}` };
      const { runId } = await trialRun(mlflow, forModel(shared, registeredModel), { ...trial, tags });
      await Promise.all([
        mlflow.logBatch(runId, { params: stringified(params), metrics: { rung_score: score }, step }),
        mlflow.updateRun(runId, { status: 'KILLED', endTime: endedAt }),
      ]);
      return { runId };
    },

    /** Registers a trained model once for its key, and makes it the challenger. */
    async registerVersion(request: {
      registeredModel: string;
      key: string;
      trained: TrainedModel;
      model: string;
      dataset: ArtifactRef;
      /** Seed of the split; null: nobody knows it. */
      seed: number | null;
      trigger: string | null;
      driftReport: string | null;
    }): Promise<ModelVersionRef> {
      const { registeredModel, key, trained, model, dataset, seed, trigger, driftReport } = request;
      const { workflowId } = Context.current().info.workflowExecution ?? { workflowId: 'unknown' };
      const revision = await projectCommit(shared.root);
      const own = forModel(shared, registeredModel);
      const split = splitText(own, seed);
      const known = firstScore(trained.metrics, own.promotion.rules);
      const isForeign = own.steps.train.command !== undefined;
      const tags: Record<string, string> = {
        [TAGS.source]: 'retrain',
        [TAGS.workflowId]: workflowId,
        ...(!isForeign && { [TAGS.model]: model }),
        [TAGS.dataset]: JSON.stringify(dataset),
        ...(split && { [TAGS.split]: split }),
        ...(known && { [known.metric]: String(known.value) }),
        ...(trigger && { [TAGS.trigger]: trigger }),
        ...(driftReport && { [TAGS.driftReport]: driftReport }),
        ...(revision && { [TAGS.revision]: revision }),
      };
      const registered = await mlflow.ensureVersion({
        name: registeredModel,
        key,
        source: trained.modelUri,
        runId: trained.runId,
        modelId: trained.modelId ?? undefined,
        version: trained.version ?? undefined,
        tags,
      });
      const { version } = registered;
      await mlflow.recordFiles(registered, untilGivenUp());
      // training.model says nothing of what a command has trained.
      const kind = isForeign ? (await mlflow.declaredModel(registered, untilGivenUp()))?.kind : undefined;
      if (kind) await mlflow.setVersionTags(registeredModel, version, { [TAGS.model]: kind });
      const { option, modelPath } = own.docker;
      const imageFile = basename(modelPath);
      const beside = option === 'baked' ? await mlflow.listArtifacts(trained.runId, '', untilGivenUp()) : [];
      if (beside.some(({ path }) => path === imageFile)) {
        await mlflow.recordImageFile(registered, imageFile, untilGivenUp());
      }
      await mlflow.setAlias(registeredModel, ALIASES.challenger, version);
      const { runId, metrics, reportUri } = trained;
      const champion = productionOf(await mlflow.listVersions(registeredModel));
      return { registeredModel, version, runId, metrics, reportUri, champion: champion?.version ?? null };
    },

    /**
     * Tells about one version; the newest, if none is named.
     *
     * @param request.toServe its files must be those that were registered
     */
    async describeVersion(request: { registeredModel: string; version: string | null; toServe?: boolean }) {
      const { registeredModel, version, toServe = false } = request;
      const versions = await mlflow.listVersions(registeredModel);
      const found = version === null ? versions[0] : versions.find((other) => other.version === version);
      if (!found) {
        throw failure(
          'ModelNotFound',
          `${registeredModel} has ${version ? `no version ${version}` : 'no versions yet'}.`,
        );
      }
      if (toServe) await assertLoadable(forModel(shared, registeredModel), mlflow, found, untilGivenUp().signal);
      const dataset = ArtifactRef.safeParse(parseJson(found.tags[TAGS.dataset]));
      const { tags, createdAt } = found;
      return {
        version: found.version,
        dataset: dataset.success ? dataset.data : null,
        rolledBack: tags[TAGS.rolledBack] ?? null,
        reportUrl: tags[TAGS.report] ?? (await futureReport(found)),
        tags,
        createdAt,
      };
    },

    /**
     * Which version is in which registry stage.
     *
     * @param request.beforeChange key of a change: if it is under way, the registry as it was before it
     */
    async readRegistry(request: { registeredModel: string; beforeChange: string | null }): Promise<RegistrySnapshot> {
      const { registeredModel, beforeChange } = request;
      const remembered = beforeChange === null ? null : await rememberedBefore(registeredModel, beforeChange);
      return remembered ?? (await readSnapshot(mlflow, registeredModel, untilGivenUp()));
    },

    /**
     * Remembers the registry as it is before a change, once for the key of the change: a workflow that is reset after it
     * changed the registry decides on what it found before, and undoes to that.
     */
    async beginChange({ registeredModel, key }: { registeredModel: string; key: string }): Promise<RegistrySnapshot> {
      const remembered = await rememberedBefore(registeredModel, key);
      if (remembered) return remembered;
      const before = await readSnapshot(mlflow, registeredModel, untilGivenUp());
      const change: Change = { key, before: onlyPlaced(before) };
      await mlflow.setModelTags(registeredModel, { [TAGS.change]: JSON.stringify(change) });
      return change.before;
    },

    /** Moves a version to a stage with its alias; the version that it replaces becomes the rollback target. */
    async promoteVersion(request: {
      registeredModel: string;
      version: string;
      registryStage: 'Production' | 'Staging';
    }): Promise<void> {
      const { registeredModel, version, registryStage } = request;
      const options = untilGivenUp();
      const snapshot = await readSnapshot(mlflow, registeredModel, options);
      await applyChanges(mlflow, registeredModel, planPromotion(snapshot, version, registryStage), options);
    },

    /**
     * Puts stages and aliases back as they were; versions that came later keep theirs.
     *
     * @returns what was in Production until then
     */
    async restoreRegistry(request: {
      registeredModel: string;
      snapshot: RegistrySnapshot;
    }): Promise<{ left: string | null }> {
      const { registeredModel, snapshot } = request;
      const options = untilGivenUp();
      const current = await readSnapshot(mlflow, registeredModel, options);
      await applyChanges(mlflow, registeredModel, planRestore(current, snapshot), options);
      // The change is over: whoever begins it again decides on what the registry is then.
      await mlflow.setModelTags(registeredModel, { [TAGS.change]: '' }, options);
      return { left: inProduction(current) };
    },

    /** Keeps what the gate compared and decided: as tags of the version, and as a page in its MLflow run. */
    async recordVerdict({ registeredModel, version, champion, comparison, judgement }: VerdictRecord): Promise<void> {
      if (!judgement.promote) {
        const { verdict } = judgement;
        const event = { registeredModel, version, replaced: champion, reason: verdictText(verdict) };
        await audit({ ...event, event: 'gateRefused', name: `${version} against ${champion} ${verdict.code}` });
      }
      const page = comparisonPage({ registeredModel, version, champion, comparison, judgement });
      const run = (await mlflow.getVersion(registeredModel, version))?.runId;
      const path = `promotion/version-${version}-against-${champion ?? 'none'}.html`;
      if (run) await mlflow.logArtifact(run, path, page);
      await mlflow.setVersionTags(registeredModel, version, {
        [TAGS.verdict]: verdictText(judgement.verdict, judgement.forced),
        [TAGS.comparison]: JSON.stringify({
          against: champion,
          ...comparison,
          page: run ? `runs:/${run}/${path}` : null,
        }),
      });
    },

    /** Adds an entry to the history of Production. */
    async recordProduction({
      registeredModel,
      entry,
    }: {
      registeredModel: string;
      entry: ProductionEntry;
    }): Promise<AuditMark | null> {
      const { at, replaced, actor, reason } = entry;
      // Where nothing came in, it is the history of the version that went.
      const version = entry.version ?? replaced;
      if (version === null) return null;
      const mark = await audit({
        event: EVENT_OF[reason.code],
        name: `${version} ${at}`,
        ...{ at, registeredModel, version: entry.version, replaced, by: actor, reason: changeReasonText(reason) },
      });
      // Colons are not allowed in the names of tags everywhere.
      const tag = `${TAGS.production}${entry.at.replaceAll(':', '-')}`;
      await mlflow.setVersionTags(registeredModel, version, { [tag]: JSON.stringify(entry) });
      return mark;
    },

    async markRolledBack({
      registeredModel,
      version,
      reason,
    }: {
      registeredModel: string;
      version: string;
      reason: string;
    }) {
      await mlflow.setVersionTags(registeredModel, version, { [TAGS.rolledBack]: reason });
    },
  };
}
