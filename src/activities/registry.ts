import { Context } from '@temporalio/activity';
import { type Config, forModel } from '../config.ts';
import { ArtifactRef } from '../contracts/artifacts.ts';
import { failure } from '../contracts/errors.ts';
import { parseJson } from '../contracts/json.ts';
import { ALIASES, TAGS } from '../contracts/names.ts';
import type { Comparison, ModelVersionRef, ProductionEntry, RegistrySnapshot } from '../contracts/registry.ts';
import type { TrainedModel } from '../contracts/training.ts';
import type { CallOptions, Mlflow, ModelVersion } from '../systems/mlflow/index.ts';
import { applyChanges, readSnapshot } from '../systems/mlflow/registry-changes.ts';
import { planPromotion, planRestore } from '../systems/mlflow/stages.ts';
import { projectCommit } from '../systems/revision.ts';
import { isBundledData } from './lib/bundledData.ts';
import { comparisonPage } from './lib/comparisonPage.ts';

interface OpenRun {
  key: string;
  purpose: string;
  /** What was asked for, kept as tags of the run. */
  plan: Record<string, string | number>;
  dataset?: ArtifactRef;
  trigger?: string;
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
  verdict: { promote: boolean; reason: string };
}

/** An attempt that is cancelled or timed out changes nothing any more, since others go on from what they find. */
const untilGivenUp = (): CallOptions => ({ signal: Context.current().cancellationSignal });

/**
 * `seed 42, test 0.15, by patient_nbr`: the same text, the same rows in the test split. Undefined: a command of the
 * project splits its data as it likes.
 */
function splitText(config: Config, seed: number | undefined): string | undefined {
  if (seed === undefined || !isBundledData(config)) return undefined;
  const { testFraction, group } = config.data;
  return `seed ${seed}, test ${testFraction}, by ${group ?? 'row'}`;
}

/** MLflow runs and the model registry: what the workflows write down. Every call may be repeated. */
export function createRegistryActivities({ config: shared, mlflow }: { config: Config; mlflow: Mlflow }) {
  /** Where the page about a version of ours will be: it is written while the version is promoted. */
  const futureReport = async ({ tags, runId }: ModelVersion): Promise<string | null> => {
    const run = tags[TAGS.source] === 'retrain' && runId ? await mlflow.getRun(runId) : undefined;
    return run ? mlflow.links.reportUrl(run.experimentId, runId) : null;
  };

  return {
    /** Opens the MLflow run of a workflow, or finds the one that it opened before. */
    async openRun({ key, purpose, plan, dataset, trigger }: OpenRun): Promise<{ runId: string; url: string }> {
      const { workflowId } = Context.current().info.workflowExecution ?? { workflowId: purpose };
      const config = forModel(shared, String(plan.registeredModel ?? shared.registry.registeredModel));
      const [experimentId, revision] = await Promise.all([
        mlflow.ensureExperiment(config.mlflow.experiment),
        projectCommit(config.root),
      ]);
      const tags = {
        ...Object.fromEntries(Object.entries(plan).map(([name, value]) => [`mediwatch.${name}`, String(value)])),
        [TAGS.workflowId]: workflowId,
        [TAGS.purpose]: purpose,
        ...(revision && { [TAGS.revision]: revision }),
        ...(dataset && { [TAGS.dataset]: JSON.stringify(dataset) }),
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

    /** Registers a trained model once for its key, and makes it the challenger. */
    async registerVersion(request: {
      registeredModel: string;
      key: string;
      trained: TrainedModel;
      model: string;
      dataset: ArtifactRef;
      /** Seed of the split; absent: nobody knows it. */
      seed?: number | undefined;
      trigger: string | null;
      report: string | null;
    }): Promise<ModelVersionRef> {
      const { registeredModel, key, trained, model, dataset, seed, trigger, report } = request;
      const { workflowId } = Context.current().info.workflowExecution ?? { workflowId: 'unknown' };
      const revision = await projectCommit(shared.root);
      const split = splitText(forModel(shared, registeredModel), seed);
      const tags: Record<string, string> = {
        [TAGS.source]: 'retrain',
        [TAGS.workflowId]: workflowId,
        [TAGS.model]: model,
        [TAGS.dataset]: JSON.stringify(dataset),
        ...(split && { [TAGS.split]: split }),
        [TAGS.testAuc]: String(trained.metrics.test_auc ?? ''),
        ...(trigger && { [TAGS.trigger]: trigger }),
        ...(report && { [TAGS.driftReport]: report }),
        ...(revision && { [TAGS.revision]: revision }),
      };
      const { version } = await mlflow.ensureVersion({
        name: registeredModel,
        key,
        source: trained.modelUri,
        runId: trained.runId,
        modelId: trained.modelId ?? undefined,
        version: trained.version ?? undefined,
        tags,
      });
      await mlflow.setAlias(registeredModel, ALIASES.challenger, version);
      const { runId, metrics, reportUri } = trained;
      const champion = (await mlflow.listVersions(registeredModel)).find(({ stage }) => stage === 'Production');
      return { registeredModel, version, runId, metrics, reportUri, champion: champion?.version ?? null };
    },

    /** Tells about one version; the newest, if none is named. */
    async describeVersion({ registeredModel, version }: { registeredModel: string; version: string | null }) {
      const versions = await mlflow.listVersions(registeredModel);
      const newest = versions.toSorted((a, b) => Number(b.version) - Number(a.version))[0];
      const found = version === null ? newest : versions.find((other) => other.version === version);
      if (!found) {
        throw failure(
          'ModelNotFound',
          `${registeredModel} has ${version ? `no version ${version}` : 'no versions yet'}.`,
        );
      }
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

    async readRegistry({ registeredModel }: { registeredModel: string }): Promise<RegistrySnapshot> {
      const { versions, aliases } = await readSnapshot(mlflow, registeredModel, untilGivenUp());
      return { versions: [...versions], aliases: { ...aliases } };
    },

    /** Moves a version to a stage with its alias; the version that it replaces becomes the rollback target. */
    async promoteVersion(request: {
      registeredModel: string;
      version: string;
      stage: 'Production' | 'Staging';
    }): Promise<void> {
      const { registeredModel, version, stage } = request;
      const options = untilGivenUp();
      const snapshot = await readSnapshot(mlflow, registeredModel, options);
      await applyChanges(mlflow, registeredModel, planPromotion(snapshot, version, stage), options);
    },

    /** Puts stages and aliases back as they were; versions that came later keep theirs. */
    async restoreRegistry({ registeredModel, snapshot }: { registeredModel: string; snapshot: RegistrySnapshot }) {
      const options = untilGivenUp();
      const current = await readSnapshot(mlflow, registeredModel, options);
      await applyChanges(mlflow, registeredModel, planRestore(current, snapshot), options);
    },

    /** Keeps what the gate compared and decided: as tags of the version, and as a page in its MLflow run. */
    async recordVerdict({ registeredModel, version, champion, comparison, verdict }: VerdictRecord): Promise<void> {
      const page = comparisonPage({ registeredModel, version, champion, comparison, verdict });
      const run = (await mlflow.getVersion(registeredModel, version))?.runId;
      const path = `promotion/version-${version}-against-${champion ?? 'none'}.html`;
      if (run) await mlflow.logArtifact(run, path, page);
      await mlflow.setVersionTags(registeredModel, version, {
        [TAGS.verdict]: verdict.reason,
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
    }): Promise<void> {
      // Colons are not allowed in the names of tags everywhere.
      const tag = `${TAGS.production}${entry.at.replaceAll(':', '-')}`;
      await mlflow.setVersionTags(registeredModel, entry.version, { [tag]: JSON.stringify(entry) });
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
