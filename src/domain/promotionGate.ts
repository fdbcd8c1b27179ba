import type { Comparison, MetricRule } from '../contracts/registry.ts';
import type { Metrics } from '../contracts/training.ts';
import type { Floor, GateVerdict, RuleFinding } from '../contracts/verdicts.ts';
import { floorByName, isAbove } from './floor.ts';

export interface Contest {
  policy: 'rules' | 'always' | 'never';
  rules: MetricRule[];
  challenger: { version: string; tags: Record<string, string>; createdAt: number };
  /** Version in Production; null: none. */
  champion: string | null;
  comparison: Comparison;
  requiredTags: Record<string, string>;
  /** Ask whether the challenger is better than a trivial model. */
  floor: boolean;
  /** A version older than this is not promoted (days); absent: any age. */
  maxAgeDays?: number | undefined;
  /** Unix time (ms). */
  now: number;
  /** Why the challenger was rolled back before; null: it was not. */
  rolledBack: string | null;
  /** Promote although the gate refuses. */
  force: boolean;
}

export interface Judgement {
  promote: boolean;
  /** It is promoted although the gate refuses. */
  forced: boolean;
  verdict: GateVerdict;
}

/** Decides whether the challenger may come into Production, or replace the champion. */
export function judgePromotion(contest: Contest): Judgement {
  const verdict = judge(contest);
  const passes = PASSING.has(verdict.code);
  return { promote: passes || contest.force, forced: !passes && contest.force, verdict };
}

const PASSING: ReadonlySet<GateVerdict['code']> = new Set(['passed', 'firstVersion', 'policyAlways']);

function judge(contest: Contest): GateVerdict {
  const { policy, champion, comparison, challenger, rolledBack, rules } = contest;
  const { version } = challenger;
  if (rolledBack !== null) return { code: 'rolledBack', version, reason: rolledBack };
  if (policy === 'never') return { code: 'policyNever' };
  const tags = unmetTags(contest);
  const ageDays = excessAge(contest);
  if (tags.length > 0 || ageDays !== null) {
    return { code: 'unfit', version, tags, ageDays, maxAgeDays: contest.maxAgeDays ?? null };
  }
  const needs = comparison.needs?.[version] ?? [];
  if (needs.length > 0) return { code: 'needsTooMuch', version, needs: needs.slice(0, FINDINGS_KEPT) };
  const floor = contest.floor ? (comparison.floor ?? floorByName(comparison.challenger, rules)) : undefined;
  const trivial = floor && !isAbove(floor) ? { floor } : null;
  if (policy === 'always') return { code: 'policyAlways', ...trivial };
  const verdict = champion === null ? judgeFirst(contest, floor) : judgeAgainst(contest, champion);
  return trivial && PASSING.has(verdict.code) ? { code: 'belowFloor', version, ...trivial } : verdict;
}

function judgeAgainst({ comparison, challenger: { version }, rules }: Contest, champion: string): GateVerdict {
  const {
    unscored: reason = 'failed',
    championProblem: problem,
    recorded = false,
    sameData,
    unsteadyData,
  } = comparison;
  if (comparison.champion === null) return { code: 'championNotScored', champion, problem, reason };
  if (sameData === false) return { code: 'notComparable', version, champion, ...(unsteadyData && { unsteadyData }) };
  const findings = rules.map((rule) => judgeRule(rule, comparison));
  const failed = findings.filter(({ holds }) => !holds);
  const basis = { recorded, ...(recorded && { sameData: sameData ?? null }) };
  if (failed.length === 0) return { code: 'passed', champion, rules: findings.slice(0, FINDINGS_KEPT), ...basis };
  const sides = [
    ['challenger', version],
    ['champion', champion],
  ] as const;
  const lacking = sides.flatMap(([side, version]) =>
    failed.some((rule) => rule[side] === null) ? [{ version, logged: namesOf(comparison[side] ?? {}) }] : [],
  );
  const refused = { code: 'refused', champion, rules: failed.slice(0, FINDINGS_KEPT), ...basis } as const;
  return lacking.length > 0 ? { ...refused, lacking } : refused;
}

/** The scores that a version has. */
const namesOf = (scores: Metrics) =>
  Object.keys(scores)
    .filter((name) => isScore(scores[name]))
    .slice(0, FINDINGS_KEPT);

/** A verdict is kept as a tag, which has 5,000 characters in older releases of MLflow. */
const FINDINGS_KEPT = 15;

/** Without a champion there is nothing to compare with, but a version without scores is not promoted. */
function judgeFirst({ challenger, comparison, rules }: Contest, floor: Floor | null | undefined): GateVerdict {
  const scores = rules.map(({ metric }) => [metric, comparison.challenger[metric]] as const);
  const missing = scores.filter(([, score]) => !isScore(score)).map(([metric]) => metric);
  if (missing.length > 0) {
    const logged = namesOf(comparison.challenger);
    const { recorded = false } = comparison;
    return { code: 'scoresMissing', version: challenger.version, metrics: missing, logged, recorded };
  }
  const known = Object.fromEntries(scores) as Record<string, number>;
  return { code: 'firstVersion', scores: known, ...(floor !== undefined && { floor }) };
}

function judgeRule({ metric, direction, ...rule }: MetricRule, comparison: Comparison): RuleFinding {
  const { maxLoss, minGain, confidence } = rule;
  const [challenger, champion] = [comparison.challenger[metric], comparison.champion?.[metric]].map((score) =>
    isScore(score) ? score : null,
  ) as [number | null, number | null];
  const finding = { metric, challenger, champion, ...rule };
  if (challenger === null || champion === null) return { ...finding, holds: false };
  const sign = direction === 'higher' ? 1 : -1;
  const needed = (minGain ?? -(maxLoss ?? 0)) - ROUNDING;
  if (confidence === undefined) return { ...finding, holds: sign * (challenger - champion) >= needed };
  const interval = comparison.differences[metric];
  if (!interval) return { ...finding, gain: null, holds: false };
  const gain = sign === 1 ? interval.low : -interval.high;
  return { ...finding, gain, holds: gain >= needed };
}

function unmetTags({ challenger, requiredTags }: Contest) {
  return Object.entries(requiredTags)
    .map(([tag, wanted]) => ({ tag, wanted, found: challenger.tags[tag] ?? null }))
    .filter(({ wanted, found }) => (wanted === '*' ? found === null : found !== wanted));
}

const DAY_MS = 24 * 3600 * 1000;

/** Age of the challenger (days) where it is over the limit; null: it is not. */
function excessAge({ challenger, maxAgeDays, now }: Contest): number | null {
  const days = (now - challenger.createdAt) / DAY_MS;
  return maxAgeDays !== undefined && days > maxAgeDays ? days : null;
}

/** A loss of exactly the limit passes, although 0.70 - 0.695 is a little more than 0.005 in binary. */
const ROUNDING = 1e-12;

const isScore = (value: number | null | undefined): value is number => Number.isFinite(value);
