import type { NotTried, Outcome, Tried } from '../contracts/tried.ts';
import { counted, score } from './numbers.ts';
import { driftVerdictText, verdictText } from './verdicts.ts';

const TITLES: Record<Exclude<Tried, 'extra'>, string> = {
  start: 'its own MLflow',
  prepare: 'prepare',
  trial: 'one trial',
  train: 'train',
  register: 'register',
  evaluate: 'evaluate',
  report: 'report',
  api: 'API',
  monitor: 'monitor',
};

export function triedTitle({ step, name }: Pick<Outcome, 'step' | 'name'>): string {
  return step === 'extra' ? `extra step ${name}` : TITLES[step];
}

const WHY: Record<NotTried, string> = {
  noSuchStep: 'the settings have no search',
  withoutData: 'there is no data set',
  withoutModel: 'there is no version',
  wholeSearch: 'the command of steps.search does not take {trials}, so all of its search would run',
  noRules: 'promotion.policy asks for no scores',
  noReport: 'steps.report.skip is set',
  noLog: 'there are no predictions yet',
  inNetwork:
    'containers of docker.network do not reach the MLflow of this trial: "mediwatch redeploy" tries the container before it gets any traffic',
  noApi: 'deployment.target is none',
};

/** What came of a step, without what is wrong with it. */
export function triedText({ why, facts }: Outcome): string {
  if (why) return `not tried: ${WHY[why]}`;
  const { rows, of, score: trial, metrics, version, checks, gate, drift } = facts;
  return [
    ...(of ? [`${counted(rows ?? 0, 'row')} of ${of}, evenly spread`] : []),
    ...(!of && typeof rows === 'number' ? [counted(rows, 'row')] : []),
    ...(trial === undefined ? [] : [`score ${score(trial)}`]),
    ...Object.entries(metrics ?? {})
      .slice(0, METRICS_SHOWN)
      .map(([name, value]) => `${name} ${score(value)}`),
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(checks ? [`passed ${checks.join(', ')}`] : []),
    ...(gate && gate.code !== 'firstVersion' ? [`on these rows the gate would say: ${verdictText(gate)}`] : []),
    ...(drift ? [driftVerdictText(drift)] : []),
  ].join(', ');
}

const METRICS_SHOWN = 4;
