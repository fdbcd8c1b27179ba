import { z } from 'zod';
import { TAGS } from '../../../contracts/names.ts';
import { parseJson } from '../../../contracts/text.ts';
import { GateVerdict } from '../../../contracts/verdicts.ts';
import type { Run } from '../../../systems/mlflow/index.ts';
import { verdictText } from '../../../words/verdicts.ts';

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

/** What came of a retrain, as its MLflow run keeps it. */
export function recordedVerdict({ status, tags }: Run): Verdict {
  if (status === 'KILLED') return verdict('cancelled');
  if (status === 'FAILED') return failed(tags);
  if (status !== 'FINISHED') return verdict('running');
  const { data } = Recorded.safeParse(parseJson(tags[TAGS.verdict]));
  const reason = data && verdictText(data, data.forced);
  const promoted = tags[TAGS.promoted];
  if (promoted === 'Production' || promoted === 'Staging') return verdict('promoted', reason, promoted);
  return reason === undefined ? verdict('registered') : verdict('notPromoted', reason);
}

const Recorded = GateVerdict.and(z.object({ forced: z.boolean().default(false) }));

/** Whether a run failed, and not because a person rejected its version. */
export function hasFailed({ status, tags }: Run): boolean {
  return status === 'FAILED' && failed(tags).kind === 'failed';
}

function failed(tags: Run['tags']): Verdict {
  const kind = tags[TAGS.failureType] === 'ApprovalRejected' ? 'notPromoted' : 'failed';
  return verdict(kind, tags[TAGS.failure]);
}

export function verdict(kind: Verdict['kind'], reason = '', stage: Verdict['stage'] = null): Verdict {
  return { kind, stage, reason };
}
