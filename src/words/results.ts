import type { BuiltImage, Deployment } from '../contracts/deployment.ts';
import type { DriftDocument, LeftOutRows } from '../contracts/drift.ts';
import { STAGE_TITLES, type Stage } from '../contracts/names.ts';
import type { Remark, SkipReason, StageOutcome, StageProgress, Waiting } from '../contracts/progress.ts';
import type { ModelVersionRef, Promotion } from '../contracts/registry.ts';
import type { RetrainEnding } from '../contracts/steward.ts';
import type { SearchStop } from '../contracts/verdicts.ts';
import type { ResultOf, WorkflowName, WouldChange } from '../contracts/workflows.ts';
import { deploymentOutcome, outcomeOf, promotionOutcome } from '../domain/outcomes.ts';
import {
  capitalised,
  counted,
  duration,
  grouped,
  paramsText,
  percent,
  score,
  scoreName,
  scoreText,
  sizeText,
} from './numbers.ts';
import { tableSentences, tableText } from './tables.ts';
import { driftVerdictText, suspicionText, verdictText } from './verdicts.ts';

/** What came of a stage, in a line. */
export function outcomeText(outcome: StageOutcome): string {
  switch (outcome.code) {
    case 'dataset':
      return datasetText(outcome);
    case 'search': {
      const { best, complete, pruned, failed, metric, stopped, suspicion } = outcome;
      const doubt = suspicion ? `. ${suspicionText(suspicion, metric, 'search.direction')}` : '';
      const found = best ? `${scoreName(metric)} ${score(best.score)}, trial ${best.number}` : 'none';
      const notes = [pruned && `${pruned} pruned`, failed && `${failed} failed`, stopped && STOPPED[stopped]].filter(
        Boolean,
      );
      return `${[`best of ${counted(complete + pruned, 'trial')}: ${found}`, ...notes].join('; ')}${doubt}`;
    }
    case 'version':
      return [`${outcome.registeredModel} version ${outcome.version}`, outcome.score && scoreText(outcome.score)]
        .filter(Boolean)
        .join(', ');
    case 'promotion': {
      const { version, promoted, registryStage, verdict, forced } = outcome;
      const became = promoted ? `is in ${registryStage}` : 'was not promoted';
      return `version ${version} ${became}. ${verdictText(verdict, forced)}`;
    }
    case 'rolledBack':
      return `version ${outcome.version} is back in Production`;
    case 'deployment': {
      const { version, previousVersion, url } = outcome;
      const replaced = previousVersion && previousVersion !== version ? ` in place of version ${previousVersion}` : '';
      return `version ${version} answers at ${url}${replaced}`;
    }
    case 'skipped':
      return SKIPPED[outcome.reason];
    case 'dryRun':
      return `dry run: ${outcome.would.map(wouldText).join(' ') || 'nothing would be changed.'}${outcome.verdict ? ` ${verdictText(outcome.verdict)}` : ''}`;
    case 'failed':
      return outcome.message;
    case 'cancelled':
      return 'cancelled';
  }
}

const STOPPED: Record<SearchStop, string> = {
  timeout: 'ended by search.timeout',
  patience: 'ended by search.patience: no better score came',
};

const SKIPPED: Record<SkipReason, string> = {
  noSearch: 'no search was asked for: the model is trained with its defaults',
  registerOnly: 'the version was only registered, as asked',
  notPromoted: 'nothing was promoted',
  notProduction: 'only Production is deployed',
  notAskedFor: 'not asked for',
  noTarget: 'no deployment target is configured',
};

/** What a stage shows beside its title. */
export function stageText({ state, outcome, waiting, workflowId }: StageProgress): string {
  if (outcome && state !== 'running') return outcomeText(outcome);
  if (waiting) return `waits for ${waitingText(waiting, workflowId)}`;
  return state === 'waiting' ? '' : state;
}

type DatasetOutcome = Extract<StageOutcome, { code: 'dataset' }>;

function datasetText({ rows, groups, features, splits, sizeBytes, ...said }: DatasetOutcome): string {
  if (rows === null) return `${sizeText(sizeBytes)} of files`;
  const of = groups === null || groups === rows ? '' : ` in ${grouped(groups)} groups`;
  const columns = features === null ? '' : `, ${features} features`;
  const sizes = splits ? `; train / validation / test ${splits.map(grouped).join(' / ')}` : '';
  const how = [targetText(said), tableText(said)].filter(Boolean).map((part) => `; ${part}`);
  return `${grouped(rows)} rows${of}${columns}${sizes}${how.join('')}`;
}

/** What is to be predicted, as it was found out. */
function targetText({ task, positive, classes }: Pick<DatasetOutcome, 'task' | 'positive' | 'classes'>): string {
  if (task === 'regression') return 'the target is a number';
  if (task === 'multiclass') return `the target has ${classes} classes`;
  return positive ? `"${positive}" counts as positive` : '';
}

/**
 * What a workflow waits for, to follow "waits for".
 *
 * @param workflowId the workflow that waits, which takes the answer
 */
export function waitingText(waiting: Waiting, workflowId?: string): string {
  switch (waiting.for) {
    case 'lock':
      return (
        `the lock of ${waiting.registeredModel}: another workflow is changing what is in Production. It goes on by itself ` +
        `when that one has ended; modelLock/${waiting.registeredModel} shows who holds the lock.`
      );
    case 'decision':
      return (
        `a decision about version ${waiting.version} of ${waiting.registeredModel}, ` +
        `until ${new Date(waiting.until).toISOString()}. ${verdictText(waiting.verdict)}` +
        (workflowId === undefined
          ? ''
          : ` Type "mediwatch approve ${workflowId}" or "mediwatch reject ${workflowId}", or send it the update "decide".`) +
        (waiting.reminders > 0 ? ` Reminder ${waiting.reminders}.` : '')
      );
    case 'bake':
      return `the candidate to prove itself with ${percent(waiting.share)} of the requests, for ${waiting.seconds} s.`;
    case 'driftReport':
      return `the drift report of ${waiting.log || 'the prediction log'}.`;
    case 'steward':
      return `the steward of ${waiting.registeredModel} to take the alert.`;
    case 'image': {
      const image = waiting.version
        ? `the image with version ${waiting.version} of ${waiting.registeredModel}`
        : 'the runtime image, without a model';
      return `${image}: it is built and pushed, unless nothing that goes into it has changed. The pending activity below shows how far it is.`;
    }
  }
}

/** A change that a dry run would make. */
function wouldText(change: WouldChange): string {
  const { version } = change;
  switch (change.code) {
    case 'stage':
      return `Version ${version} would move to Staging.`;
    case 'smokeTest':
      return `An API of version ${version} would be tried in Staging.`;
    case 'ask':
      return `A person would be asked to approve version ${version}, with ${duration(change.expireAfterSeconds * 1000)} to decide.`;
    case 'promote':
      return (
        `Version ${version} would move to Production as the champion.` +
        (change.champion === null
          ? ''
          : ` Version ${change.champion} would leave it for Staging, as the one to roll back to.`)
      );
    case 'deploy':
      return change.serving === null
        ? `An API of version ${version} would be started, verified, and given all requests.`
        : `An API of version ${version} would be started beside the one of version ${change.serving}, verified, and given ` +
            `${MOVES[change.strategy](percent(change.share))}. The one that answers now would be stopped once its open requests are answered.`;
    case 'rollBack':
      return change.left === null
        ? `Version ${version} would be in Production.`
        : `Version ${version} would be back in Production in place of version ${change.left}. ` +
            `Version ${change.left} would be marked as rolled back (${change.reason ?? `rolled back to version ${version}`}).`;
  }
}

const MOVES: Record<Extract<WouldChange, { code: 'deploy' }>['strategy'], (share: string) => string> = {
  atOnce: () => 'all requests at once',
  canary: (share) => `${share} of the requests, then all of them`,
  linear: (share) => `the requests in steps of ${share}`,
};

const REMARKS: Record<Remark['code'], (remark: Remark) => string> = {
  takenBack: ({ version, cause }) =>
    `Version ${version} was taken back, and the registry was put back as it was. ${cause}`,
  runNotClosed: ({ cause }) => `Its MLflow run could not be closed: ${cause}`,
  reportNotWritten: ({ cause }) => `The model report could not be written; nothing else is affected. ${cause}`,
  reportOutcomeMissing: ({ cause }) =>
    `The model report does not show what became of the version; nothing else is affected. ${cause}`,
  suspiciousScore: ({ suspicion = 'errorNegated', cause }) =>
    `${suspicionText(suspicion, cause, 'the direction of its rule')}.`,
};

export const remarkText = (remark: Remark): string => REMARKS[remark.code](remark);

/** What came of a workflow, in a sentence or a few. */
export function resultText<Name extends WorkflowName>(workflow: Name, result: ResultOf<Name>): string {
  return resultSentences(workflow, result).join(' ');
}

/** The same, a sentence or two each: a line on a terminal. */
export function resultSentences<Name extends WorkflowName>(workflow: Name, result: ResultOf<Name>): string[] {
  return RESULTS[workflow](result);
}

const RESULTS: { [Name in WorkflowName]: (result: ResultOf<Name>) => string[] } = {
  prepareData: ({ dropped, remarks, ...result }) => [
    `${outcomeText(outcomeOf('prepareData', result))}.`,
    ...tableSentences({ dropped, remarks }).map(capitalised),
    `Data set ${result.ref.uri}`,
  ],
  hyperparameterSearch: (result) => [
    `${capitalised(outcomeText(outcomeOf('hyperparameterSearch', result)))}, with ${paramsText(result.best.params)}.`,
  ],
  trainBestAndRegister: (result) => [`${versionText(result)}.`],
  retrain: ({ version, promotion, deployment }) => [
    `${versionText(version)}.`,
    promotion ? capitalised(promotionText(promotion)) : 'It was registered only, as asked.',
    ...deploymentSentences(deployment),
  ],
  promote: ({ promotion, deployment, would }) =>
    would
      ? [...dryRunSentences(would), verdictText(promotion.verdict, promotion.forced)]
      : [capitalised(promotionText(promotion)), ...deploymentSentences(deployment)],
  rollback: ({ registeredModel, version, left, deployment, would }) => {
    if (would) return dryRunSentences(would);
    const replaced = left === null ? '' : ` in place of version ${left}, which is marked as rolled back`;
    return [
      `${registeredModel} version ${version} is in Production${replaced}.`,
      ...(deployment ? deploymentSentences(deployment) : ['There is no API to follow it.']),
    ];
  },
  redeploy: ({ would, ...deployment }) => (would ? dryRunSentences(would) : deploymentSentences(deployment)),
  buildImage: imageSentences,
  driftCheck: (result) => [
    `${result.registeredModel}: ${driftVerdictText(result)}.`,
    ...(result.report.document.leftOut ?? []).map(leftOutText),
    ...labelSentences(result.report.document),
    ...(result.columns.length > 0 ? [`Columns that drifted: ${result.columns.join(', ')}.`] : []),
    result.alerted
      ? `The steward of ${result.registeredModel} has the alert; it retrains unless it is paused or cools down.`
      : `No alert was raised${result.verdict === 'drift' ? ', as asked' : ''}.`,
  ],
  driftSteward: () => [],
};

const WHY_LEFT_OUT: Record<LeftOutRows['code'], string> = {
  cells: 'have more or fewer cells than the header',
  bytes: 'are not UTF-8',
  quote: 'have a quote that is never closed',
  size: 'are too long',
  time: 'have a time that is still to come',
  number: 'have a text where the column has numbers',
};

const leftOutText = ({ code, rows, at }: LeftOutRows): string =>
  `Left out of the prediction log: ${counted(rows, 'row')} that ${WHY_LEFT_OUT[code]} (${at.join(', ')}${rows > at.length ? ', …' : ''}).`;

function labelSentences({ labels }: DriftDocument): string[] {
  if (!labels) return [];
  const { known, rows } = labels;
  const cure = known === 0 && rows > 0 ? ': check that event_id of the labels is that of the predictions' : '';
  return [`The outcome of ${grouped(known)} of ${counted(rows, 'row')} is known${cure}.`];
}

const deploymentSentences = (deployment: Deployment | null): string[] =>
  deployment ? [`${capitalised(deploymentText(deployment))}.`] : [];

const dryRunSentences = (would: readonly WouldChange[]): string[] => [
  'Dry run, nothing was changed.',
  ...(would.length > 0 ? would.map(wouldText) : ['Nothing would be changed.']),
];

const versionText = (version: ModelVersionRef): string => outcomeText(outcomeOf('trainBestAndRegister', version));
const promotionText = (promotion: Promotion): string => outcomeText(promotionOutcome(promotion));
const deploymentText = (deployment: Deployment): string => outcomeText(deploymentOutcome(deployment));

function imageSentences({ reference, tag, built, pushed, platforms, note }: BuiltImage): string[] {
  const made = built ? `Built ${tag}` : `Nothing that goes into ${tag} has changed: it was kept`;
  const on = platforms.length > 0 ? ` for ${platforms.join(', ')}` : '';
  const where = pushed ? `It is in the registry as ${reference}` : `It was not pushed; its id is ${reference}`;
  return [`${made}${on}.`, where, ...(note ? [note] : [])];
}

/** What came of a retrain, for the page of its steward. */
export function endingText(ending: RetrainEnding): string {
  switch (ending.code) {
    case 'promoted':
      return `version ${ending.version} is in ${ending.registryStage}`;
    case 'notPromoted':
      return `version ${ending.version} was registered and not promoted: ${verdictText(ending.verdict)}`;
    case 'registered':
      return `version ${ending.version} was registered`;
    case 'failed':
    case 'rejected':
      return ending.message;
    case 'notStarted':
      return `it could not be started: ${ending.message}`;
    case 'cancelled':
      return 'it was cancelled';
    case 'completed':
      return 'it completed';
    case 'gone':
      return 'it is gone from Temporal';
  }
}

/** `Promote version 3 of MediWatchReadmit, for retrain-2026-…`: what a child workflow is for, in lists. */
export function stageSummary(
  stage: Stage,
  { version, registeredModel }: { version?: string | null; registeredModel?: string },
  parentId: string,
): string {
  const subject = [version && `version ${version}`, registeredModel].filter(Boolean).join(' of ');
  return `${STAGE_TITLES[stage]}${subject && (version ? ` ${subject}` : ` of ${subject}`)}, for ${parentId}`;
}
