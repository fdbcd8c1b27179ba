import type { Proposal } from '../../init/index.ts';
import type { StepProposal } from '../../init/propose/plan.ts';

/** What was decided, in a few lines. */
export function summaryLines({ findings, answers, ...steps }: Proposal): string[] {
  const row = (name: string, value: string) => `  ${name.padEnd(12)} ${value}`;
  const of = (step: StepProposal | null, without: string) => (step ? step.script.path : without);
  return [
    row('model', answers.registeredModel),
    row('data', findings.data?.path ?? 'not found'),
    row('prepare', of(steps.prepare, steps.train ? 'nothing to do' : 'not found')),
    row(
      'search',
      answers.search === 'trials' ? `trials of ${of(steps.trial, 'the training')}` : of(steps.search, 'none'),
    ),
    row('train', of(steps.train, 'not found')),
    row('monitor', of(steps.monitor, 'bundled')),
    row('API', answers.deployment === 'none' ? 'none' : `target ${answers.deployment}`),
    row('schedules', answers.schedules ? 'taken over' : 'none'),
  ];
}

/** How many places are to be filled in. */
export function openPlaces(text: string): number {
  return text.split('\n').filter((line) => !line.trimStart().startsWith('#') && line.includes('FILL_IN')).length;
}

/** What to do next, in the order in which it is done. */
export function nextSteps({ findings, answers, train }: Proposal, text: string): string[] {
  const places = openPlaces(text);
  const [venv] = findings.environment.venvs;
  // An image with the model in it is built by each retrain.
  const needsImage = answers.deployment === 'docker' && /^ *option: registry$/m.test(text);
  return [
    ...(train ? [] : ['say in mediwatch.yaml how the model is trained (steps.train)']),
    ...(train && !findings.data ? ['name the data in mediwatch.yaml (data.path)'] : []),
    ...(places > 0 ? [`fill in what is marked FILL_IN (${places === 1 ? 'one place' : `${places} places`})`] : []),
    ...(venv || !findings.environment.setUp ? [] : [`make the project's environment: ${findings.environment.setUp}`]),
    'mediwatch check               whether it is right, and what a retrain would run',
    'npm start                     in the checkout of MediWatch, with MEDIWATCH_CONFIG naming this file',
    ...(needsImage ? ['mediwatch build               the image of the API, which a retrain starts'] : []),
    'mediwatch retrain --follow    the first retrain',
  ];
}
