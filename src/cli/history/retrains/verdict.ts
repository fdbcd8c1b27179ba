import { starterOf } from '../../../contracts/ids.ts';
import { TAGS } from '../../../contracts/names.ts';
import type { ProductionEntry } from '../../../contracts/registry.ts';
import type { ModelVersion, Run } from '../../../systems/mlflow/index.ts';

/** What became of a retrain. */
export interface Verdict {
  /**
   * `registered`: no promotion was asked for. `lost`: it ended without closing its MLflow run, as one does that was
   * terminated.
   */
  kind: 'promoted' | 'notPromoted' | 'registered' | 'failed' | 'cancelled' | 'running' | 'waiting' | 'lost';
  /** Stage that its version was promoted to. */
  stage: 'Production' | 'Staging' | null;
  /** Why; of one that runs, the stage that it is in. */
  reason: string;
}

type Version = Pick<ModelVersion, 'version' | 'tags'>;

/**
 * What came of a retrain, as its MLflow run and its version keep it. Runs of older releases do not say whether their
 * version was promoted; the history of Production and the verdict on the version tell.
 *
 * @param entries the history of Production
 */
export function recordedVerdict(run: Run, version: Version | undefined, entries: readonly ProductionEntry[]): Verdict {
  if (run.status === 'KILLED') return verdict('cancelled');
  if (run.status === 'FAILED') return failed(run.tags[TAGS.failure]);
  if (run.status !== 'FINISHED') return verdict('running');
  const told = run.tags[TAGS.promoted];
  if (told === undefined) return concluded(run, version, entries);
  const reason = run.tags[TAGS.verdict];
  if (told === 'Production' || told === 'Staging') return verdict('promoted', reason, told);
  return reason === undefined ? verdict('registered') : verdict('notPromoted', reason);
}

/** Whether a run failed, and not because a person rejected its version. */
export function hasFailed({ status, tags }: Run): boolean {
  return status === 'FAILED' && failed(tags[TAGS.failure]).kind === 'failed';
}

function failed(told = ''): Verdict {
  const [, type = '', reason = ''] = /^(?:([A-Za-z]+): )?(.*)$/s.exec(told) ?? [];
  return verdict(type === 'ApprovalRejected' ? 'notPromoted' : 'failed', reason);
}

function concluded(run: Run, version: Version | undefined, entries: readonly ProductionEntry[]): Verdict {
  const reason = version?.tags[TAGS.verdict];
  if (!version || reason === undefined) return verdict('registered');
  const promotions = entries.filter((entry) => entry.action === 'promote' && entry.version === version.version);
  const own = promotions.find(({ by }) => starterOf(by) === run.tags[TAGS.workflowId]);
  if (own) return verdict('promoted', own.reason, 'Production');
  if (!PASSED.test(reason)) return verdict('notPromoted', reason);
  // The verdict that let it pass is of somebody else's promotion, which came later.
  return promotions.length > 0 ? verdict('notPromoted') : verdict('promoted', reason, 'Staging');
}

/** How the reasons of the gate begin that let a version pass. */
const PASSED = /^(Passed|Forced|Nothing was in Production|The policy is "always")/;

export function verdict(kind: Verdict['kind'], reason = '', stage: Verdict['stage'] = null): Verdict {
  return { kind, stage, reason };
}
