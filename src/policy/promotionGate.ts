export interface Contest {
  challenger: { version: string; auc: number };
  /** Absent when nothing is in Production; without an AUC when it could not be scored. */
  champion: { version: string; auc: number | null; problem?: string } | null;
  /** Test AUC that the challenger may be under the champion. */
  maxAucLoss: number;
  /** Why the challenger must not be promoted whatever it scores, if there is a reason. */
  objection: string | null;
  /** Promote although the gate refuses. */
  force: boolean;
}

export interface Verdict {
  promote: boolean;
  /** In words, for the history of the version. */
  reason: string;
}

/** Decides whether the challenger may replace the champion; both were scored on the same test split. */
export function decidePromotion(contest: Contest): Verdict {
  const verdict = judge(contest);
  if (verdict.promote || !contest.force) return verdict;
  return { promote: true, reason: `Forced. The gate would have refused: ${verdict.reason}` };
}

function judge({ challenger, champion, maxAucLoss, objection }: Contest): Verdict {
  if (objection) return { promote: false, reason: objection };
  if (!Number.isFinite(challenger.auc)) {
    return { promote: false, reason: `Version ${challenger.version} has no test AUC.` };
  }
  if (!champion) {
    return { promote: true, reason: `Nothing was in Production; test AUC ${format(challenger.auc)}.` };
  }
  if (champion.auc === null) {
    const why = champion.problem ? `: ${champion.problem}` : '';
    return { promote: false, reason: `Version ${champion.version}, the champion, could not be scored${why}` };
  }
  const loss = champion.auc - challenger.auc;
  const scores =
    `test AUC ${format(challenger.auc)} against ${format(champion.auc)} of version ${champion.version}, ` +
    `allowed loss ${maxAucLoss}.`;
  return loss <= maxAucLoss + ROUNDING
    ? { promote: true, reason: `Passed: ${scores}` }
    : { promote: false, reason: `Refused: ${scores}` };
}

/** A loss of exactly the limit passes, although 0.70 - 0.695 is a little more than 0.005 in binary. */
const ROUNDING = 1e-12;

const format = (auc: number) => auc.toFixed(4);
