import type { Comparison, MetricRule } from '../contracts/registry.ts';

export interface Contest {
  policy: 'rules' | 'always' | 'never';
  rules: MetricRule[];
  challenger: { version: string; tags: Record<string, string>; createdAt: number };
  /** Version in Production; null: none. */
  champion: string | null;
  comparison: Comparison;
  requiredTags: Record<string, string>;
  /** A version older than this is not promoted (days); null: any age. */
  maxAgeDays: number | null;
  /** Unix time (ms). */
  now: number;
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

function judge(contest: Contest): Verdict {
  const { policy, objection, champion, comparison } = contest;
  if (objection) return refuse(objection);
  if (policy === 'never') return refuse('The policy is "never": only a forced promotion passes.');
  const unmet = [...missingTags(contest), ...tooOld(contest)];
  if (unmet.length > 0) return refuse(unmet.join(' '));
  if (policy === 'always') return { promote: true, reason: 'The policy is "always".' };
  if (champion === null) return first(contest);
  if (comparison.champion === null) {
    const why = comparison.championProblem ? `: ${comparison.championProblem}` : '.';
    return refuse(`Version ${champion}, the champion, could not be scored${why}`);
  }
  const outcomes = contest.rules.map((rule) => judgeRule(rule, comparison, champion));
  const basis = comparison.recorded ? RECORDED : '';
  const failed = outcomes.filter(({ holds }) => !holds);
  const shown = failed.length > 0 ? failed : outcomes;
  const words = shown.map(({ text }) => text).join('; ');
  return failed.length > 0
    ? refuse(`Refused: ${words}.${basis}`)
    : { promote: true, reason: `Passed: ${words}.${basis}` };
}

/** Two trainings may have held out different rows: whoever reads the verdict should know. */
const RECORDED = ' These are the scores that the trainings recorded; nothing scored both versions on the same rows.';

/** Without a champion there is nothing to compare with, but a version without scores is not promoted. */
function first({ challenger, comparison, rules }: Contest): Verdict {
  const unknown = rules.filter(({ metric }) => !known(comparison.challenger[metric]));
  if (unknown.length > 0) {
    return refuse(`Version ${challenger.version} has no ${unknown.map(({ metric }) => name(metric)).join(', no ')}.`);
  }
  const scores = rules.map(({ metric }) => `${name(metric)} ${format(comparison.challenger[metric])}`).join(', ');
  return { promote: true, reason: `Nothing was in Production; ${scores}.` };
}

function judgeRule(rule: MetricRule, comparison: Comparison, champion: string): { holds: boolean; text: string } {
  const { metric, direction, maxLoss, minGain, confidence } = rule;
  const [challengerScore, championScore] = [comparison.challenger[metric], comparison.champion?.[metric]];
  if (!known(challengerScore) || !known(championScore)) {
    return { holds: false, text: `${name(metric)} is not known of both versions` };
  }
  const sign = direction === 'higher' ? 1 : -1;
  const interval = comparison.differences[metric];
  const scores =
    `${name(metric)} ${format(challengerScore)} against ${format(championScore)} of version ${champion}, ` +
    (minGain === undefined ? `allowed loss ${maxLoss}` : `required gain ${minGain}`);
  const needed = minGain ?? -(maxLoss ?? 0);
  if (confidence === undefined) {
    return { holds: sign * (challengerScore - championScore) >= needed - ROUNDING, text: scores };
  }
  if (!interval) return { holds: false, text: `${scores}, but no interval was computed` };
  const bound = sign === 1 ? interval.low : -interval.high;
  return {
    holds: bound >= needed - ROUNDING,
    text: `${scores}, gain at least ${format(bound)} with ${Math.round(confidence * 100)} % confidence`,
  };
}

function missingTags({ challenger, requiredTags }: Contest): string[] {
  return Object.entries(requiredTags)
    .filter(([tag, wanted]) => (wanted === '*' ? challenger.tags[tag] === undefined : challenger.tags[tag] !== wanted))
    .map(([tag, wanted]) => {
      const has = challenger.tags[tag] === undefined ? 'has no tag' : `has "${challenger.tags[tag]}" in the tag`;
      return `Version ${challenger.version} ${has} ${tag}${wanted === '*' ? '' : `, which must be "${wanted}"`}.`;
    });
}

const DAY_MS = 24 * 3600 * 1000;

function tooOld({ challenger, maxAgeDays, now }: Contest): string[] {
  const days = (now - challenger.createdAt) / DAY_MS;
  if (maxAgeDays === null || days <= maxAgeDays) return [];
  return [`Version ${challenger.version} is ${days.toFixed(1)} days old; the limit is ${maxAgeDays}.`];
}

/** A loss of exactly the limit passes, although 0.70 - 0.695 is a little more than 0.005 in binary. */
const ROUNDING = 1e-12;

const refuse = (reason: string): Verdict => ({ promote: false, reason });
const known = (value: number | null | undefined): value is number => Number.isFinite(value);
const format = (value: number | null | undefined) => (value ?? Number.NaN).toFixed(4);
/** `test_auc` → `test AUC`: metrics as people call them. */
const name = (metric: string) => metric.replaceAll('_', ' ').replace(/\bauc\b/, 'AUC');
