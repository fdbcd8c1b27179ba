import type { DriftGrounds, DriftVerdict } from '../contracts/drift.ts';
import type { ChangeReason } from '../contracts/registry.ts';
import type {
  Breach,
  DriftFinding,
  Floor,
  GateVerdict,
  ModelNeed,
  RuleFinding,
  Suspicion,
  Unscored,
} from '../contracts/verdicts.ts';
import type { PromotionConflict } from '../domain/registryMoves.ts';
import { counted, metricName, percent, score } from './numbers.ts';
import { joined } from './suggest.ts';

/** Why the gate lets a version pass, or refuses it and what to do about that. */
export function verdictText(verdict: GateVerdict, forced = false): string {
  const text = gateText(verdict);
  return forced ? `Forced. The gate would have refused: ${text}` : [text, ...curesOf(verdict)].join(' ');
}

/** The same without whether it passed or was refused, for where that is said already. */
export function verdictGrounds(verdict: GateVerdict): string {
  return verdict.code === 'passed' || verdict.code === 'refused' ? rulesText(verdict) : gateText(verdict);
}

const rulesText = ({ rules, champion, lacking = [] }: Extract<GateVerdict, { rules: unknown }>) =>
  [
    ...rules.map((rule) => ruleText(rule, champion)),
    ...lacking.map(({ version, logged }) => `version ${version} has ${scoresText(logged)}`),
  ].join('; ');

/** What a version has instead of the score that is missing. */
const scoresText = (logged: readonly string[]) =>
  logged.length > 0 ? `only ${joined(logged, 'and')}` : 'no score at all';

function gateText(verdict: GateVerdict): string {
  switch (verdict.code) {
    case 'passed':
    case 'refused': {
      const basis = verdict.recorded ? (verdict.sameData ? SAME_DATA : RECORDED) : '';
      return `${verdict.code === 'passed' ? 'Passed' : 'Refused'}: ${rulesText(verdict)}.${basis}`;
    }
    case 'firstVersion': {
      const scores = Object.entries(verdict.scores).map(([metric, value]) => `${metricName(metric)} ${score(value)}`);
      const nothing =
        scores.length > 0 ? `Nothing was in Production; ${scores.join(', ')}.` : 'Nothing was in Production.';
      return verdict.floor === null ? `${nothing}${NO_FLOOR}` : nothing;
    }
    case 'belowFloor':
      return `Version ${verdict.version} is ${floorText(verdict.floor)}.`;
    case 'scoresMissing':
      return `Version ${verdict.version} has no ${joined(verdict.metrics.map(metricName), 'or')}, ${scoresText(verdict.logged)}.`;
    case 'championNotScored':
      return `Version ${verdict.champion}, the champion, ${UNSCORED[verdict.reason]}${verdict.problem ? `: ${verdict.problem}` : '.'}`;
    case 'notComparable':
      return `Version ${verdict.version} and version ${verdict.champion}, the champion, are not comparable: their trainings scored them on different data sets${verdict.unsteadyData ? `, ${UNSTEADY}` : ''}.`;
    case 'policyAlways':
      return verdict.floor
        ? `The policy is "always", although it is ${floorText(verdict.floor)}.`
        : 'The policy is "always".';
    case 'policyNever':
      return 'The policy (promotion.policy) is "never": only a forced promotion passes.';
    case 'rolledBack':
      return `Version ${verdict.version} was rolled back before (${verdict.reason}).`;
    case 'unfit':
      return unfitText(verdict);
    case 'needsTooMuch':
      return needsText(verdict.version, verdict.needs);
    case 'inProduction':
      return `Version ${verdict.version} is in Production already.`;
  }
}

/** Two trainings may have held out different rows, and a reader of the verdict should know. */
const RECORDED =
  ' These are the scores that the trainings recorded; whether they are of the same rows is not known. ' +
  'steps.evaluate with a command that takes {version} scores both on the same.';
const SAME_DATA = ' These are the scores that the trainings recorded, of the same data.';
const UNSTEADY =
  'although the same command made both of the same file: what it writes changes from run to run, such as a time stamp, ' +
  'or rows in another order';
const NO_FLOOR = ' Whether a trivial model scores as well is not known.';

/** To follow "is". */
function floorText({ metric, trivial, score: own, low }: Floor): string {
  const bound = low === null ? '' : ` (no less than ${score(low)} is sure)`;
  return `no better than a trivial model, which answers the same for every row: ${metricName(metric)} ${score(own)}${bound} against ${score(trivial)}`;
}

const UNSCORED: Record<Unscored, string> = {
  otherSplit: 'must not be scored here',
  cannotRead: 'cannot read these data',
  noScores: 'has no scores',
  failed: 'could not be scored',
};

const FORCE = '"mediwatch promote VERSION --force" promotes it all the same.';
const SAME_ROWS = 'Set steps.evaluate to a command that takes {version}: it scores both on the same rows.';
const STEADY = 'Let steps.prepare write the same for the same file: a fixed seed, sorted rows, no time stamp.';
const CURE_OF: Record<Unscored, string> = {
  otherSplit: 'Retrain with its split.',
  cannotRead: 'Compare both on data that both can read.',
  noScores: SAME_ROWS,
  failed: 'Its files, packages and data are what to look at.',
};
/** @param recorded whether the trainings recorded the scores, and no evaluation made them */
const nameScores = (recorded = true) =>
  'Name scores in promotion.rules that both have, or map ours to theirs in ' +
  `steps.${recorded ? 'train' : 'evaluate'}.outputs.metrics, such as { test_auc: THEIR_NAME }.`;

/** What to do about a refusal; none where its text says so, or a better model is the only cure. */
function curesOf(verdict: GateVerdict): string[] {
  switch (verdict.code) {
    case 'belowFloor':
      return ['Look at the data and the target first.', FORCE, '"promotion.floor: false" asks no more.'];
    case 'scoresMissing':
      return [nameScores(verdict.recorded), FORCE];
    case 'refused':
      return verdict.lacking ? [nameScores(verdict.recorded), FORCE] : [];
    case 'notComparable':
      return [...(verdict.unsteadyData ? [STEADY] : []), SAME_ROWS, FORCE];
    case 'championNotScored':
      return [CURE_OF[verdict.reason], FORCE];
    case 'rolledBack':
      return [FORCE];
    case 'unfit':
      return ['promotion.requiredTags and promotion.maxAgeDays ask for this.', FORCE];
    default:
      return [];
  }
}

function ruleText({ metric, challenger, champion, ...rule }: RuleFinding, version: string): string {
  const name = metricName(metric);
  if (challenger === null) return champion === null ? `neither version has a ${name}` : `the challenger has no ${name}`;
  if (champion === null) return `version ${version}, the champion, has no ${name}`;
  const { maxLoss, minGain, confidence, gain } = rule;
  const allowed = minGain === undefined ? `allowed loss ${maxLoss}` : `required gain ${minGain}`;
  const scores = `${name} ${score(challenger)} against ${score(champion)} of version ${version}, ${allowed}`;
  if (confidence === undefined) return scores;
  if (gain === null || gain === undefined) return `${scores}, but no interval was computed`;
  return `${scores}, gain at least ${score(gain)} with ${Math.round(confidence * 100)} % confidence`;
}

const NEEDS = { network: 'it connects to', process: 'it starts', write: 'it writes to' };

/** What a version did while it was loaded or predicted. */
export function needsText(version: string, needs: readonly ModelNeed[]): string {
  const what = needs.map(({ code, detail }) => `${NEEDS[code]} ${detail}`);
  return `Version ${version} does what no model should need: ${what.join('; ')}.`;
}

function unfitText({ version, tags, ageDays, maxAgeDays }: Extract<GateVerdict, { code: 'unfit' }>): string {
  const missing = tags.map(({ tag, wanted, found }) => {
    const has = found === null ? 'has no tag' : `has "${found}" in the tag`;
    return `Version ${version} ${has} ${tag}${wanted === '*' ? '' : `, which must be "${wanted}"`}.`;
  });
  const old =
    ageDays === null ? [] : [`Version ${version} is ${ageDays.toFixed(1)} days old; the limit is ${maxAgeDays}.`];
  return [...missing, ...old].join(' ');
}

/** Why a version cannot be moved in the registry as it is. */
export function conflictText({ code, version }: Pick<PromotionConflict, 'code' | 'version'>): string {
  return code === 'unknownVersion'
    ? `There is no version ${version}.`
    : `Version ${version} is in Production; moving it to Staging would leave none there. Promote another one instead.`;
}

/** Why a change of Production was made, as its history shows it. */
export function changeReasonText(reason: ChangeReason): string {
  switch (reason.code) {
    case 'promote':
      return verdictText(reason.verdict, reason.forced);
    case 'rollback':
      return reason.reason ?? 'No reason was given.';
    case 'restore':
      return `The promotion was taken back: ${reason.cause}`;
  }
}

/** Why a candidate lost its traffic, to follow a comma. */
export function breachText(breach: Breach): string {
  switch (breach.code) {
    case 'errorRate':
      return `${percent(breach.candidate)} of its ${breach.requests} requests failed, against ${percent(breach.incumbent)} of the old one's.`;
    case 'latency':
      return `95 % of its answers took up to ${Math.round(breach.p95Ms)} ms; ${Math.round(breach.allowedMs)} ms are allowed.`;
    case 'predictions': {
      const { shift, allowed, numbers } = breach;
      const means = numbers && `, ${momentsText(numbers.candidate)} against ${momentsText(numbers.incumbent)}`;
      return `its predictions are distributed differently from the old one's${means ?? ''}: stability index ${shift.toFixed(2)}, limit ${allowed}.`;
    }
  }
}

const momentsText = ({ mean, spread }: { mean: number; spread: number }) =>
  `mean ${Number(mean.toPrecision(4))} (spread ${Number(spread.toPrecision(3))})`;

/** `drift: the data set drifted (45 % of the features, threshold 30 %)`. */
export function driftVerdictText({ verdict, grounds }: Pick<DriftVerdict, 'verdict' | 'grounds'>): string {
  return `${verdict}: ${groundsText(grounds)}`;
}

function groundsText(grounds: DriftGrounds): string {
  switch (grounds.code) {
    case 'tooFewRows':
      return `not enough rows (${grounds.rows} of ${grounds.minRows})${grounds.window === 'reference' ? ' in the reference window' : ''}`;
    case 'note':
      return grounds.note.replace(/[.\s]+$/, '');
    case 'noRule':
      return 'the gate has no rule';
    case 'leftOut':
      return `${counted(grounds.rows, 'row')} of the log had to be left out, ${percent(grounds.share)} of the newest`;
    case 'rules':
      return grounds.findings.map(findingText).join('; ');
  }
}

function findingText(finding: DriftFinding): string {
  const { rule, drift, share, threshold, drifted, features, column, columns = [] } = finding;
  const did = drift ? 'drifted' : 'did not drift';
  const named = columns.length > 0 ? ` (${columns.join(', ')})` : '';
  switch (rule) {
    case 'dataset': {
      if (drift === null) return 'the report does not say whether the data set drifted';
      const known = typeof share === 'number';
      return `the data set ${did}${known ? ` (${percent(share)} of the features, threshold ${percent(threshold)})` : ''}`;
    }
    case 'minColumns':
      if (drift === null) return 'the report does not say how many columns drifted';
      return `${drifted}${features ? ` of ${features}` : ''} features drifted, drift is ${threshold} or more`;
    case 'share':
      if (drift === null) return 'the report does not say which share of the columns drifted';
      return `${percent(share)} of the features drifted, drift is ${percent(threshold)}`;
    case 'column':
      return drift === null ? `the report says nothing of the column "${column}"` : `the column "${column}" ${did}`;
    case 'prediction':
    case 'target':
      return drift === null ? `the report says nothing of the ${rule}${named}` : `the ${rule}${named} ${did}`;
  }
}

const SUSPICIONS: Record<Suspicion, string> = {
  errorMaximized: 'is an error, and the highest one counts as the best: the worst wins',
  errorNegated:
    'is an error, which is never negative unless it is negated, and then the highest one is the best; here the lowest one counts as the best: the worst wins',
  scoreMinimized: 'is a score, and the lowest one counts as the best: the worst wins',
};

/**
 * Why the direction of a metric may be wrong, without a full stop.
 *
 * @param setting what would turn it round
 */
export const suspicionText = (suspicion: Suspicion, metric: string, setting: string): string =>
  `By its name, ${metric} ${SUSPICIONS[suspicion]}. If so, change ${setting}`;
