import type { Config } from '../config.ts';
import type { StepName } from '../contracts/plans.ts';
import type { PlanOf } from '../contracts/workflows.ts';
import { joined } from '../words/suggest.ts';

/** Where the results of a step come from: the first of these that has them. */
export function resultsText(config: Config, name: StepName): string {
  const { command, skip, outputs } = config.steps[name];
  if (!command) return skip ? withoutStep(name) : bundled(config, name);
  if (name === 'prepare') return `its data set: ${outputs.directory ?? '{output}'}`;
  if (name === 'monitor') return `its report: ${outputs.file ?? 'the JSON file in {output}'}`;
  if (name === 'suggest') return 'the parameters in its result file';
  const metrics = [
    'its result file',
    ...(outputs.file ? [outputs.file] : []),
    ...(outputs.pattern ? [`the last line of output that matches ${outputs.pattern}`] : []),
    'its MLflow run',
  ];
  const metric = config.search.metric || 'score';
  if (name === 'search') {
    return `parameters of the run with the ${config.search.direction === 'minimize' ? 'lowest' : 'highest'} ${metric}`;
  }
  if (name === 'trial') return `its score: ${metric}, from ${joined(metrics, 'or')}`;
  if (name === 'evaluate') return `metrics from ${joined(metrics, 'or')}`;
  const model = outputs.modelFile ? `the file ${outputs.modelFile}` : `"${outputs.model}" of its run`;
  return `metrics from ${joined(metrics, 'or')}; the version that it registers, else one made of ${model}`;
}

function withoutStep(name: StepName): string {
  if (name === 'prepare') return 'the data are taken as they are';
  return name === 'evaluate' ? 'the metrics that both trainings recorded' : 'nothing';
}

function bundled({ steps }: Config, name: StepName): string {
  if (name === 'evaluate' && steps.train.command)
    return 'the metrics that both trainings recorded, since train is a command';
  return 'the bundled Python step';
}

/** What the gate demands. */
export function plannedGate(
  { data, steps }: Config,
  { registryStage, policy, rules, floor, approval, stagingFirst }: PlanOf<'retrain'>,
): string {
  if (registryStage === 'None') return 'not done: promotion.registryStage is None, the version is only registered';
  const allowed = rules.map(({ metric, direction, maxLoss, minGain }) => {
    const [worse, better] = direction === 'higher' ? ['lower', 'higher'] : ['higher', 'lower'];
    const isOpen = metric === 'test_auc' && data.task === 'auto' && !steps.train.command;
    const score = isOpen ? 'test_auc (test_r2 of a regression)' : metric;
    return minGain === undefined ? `${score} at most ${maxLoss} ${worse}` : `${score} at least ${minGain} ${better}`;
  });
  const gate = {
    always: 'with any score',
    never: 'never by itself, only by force',
    rules: `if ${floor ? 'above a trivial model, and ' : ''}against the champion ${joined(allowed, 'and')}`,
  }[policy];
  const person = approval.required ? ', and a person approves' : '';
  return `to ${stagingFirst && registryStage === 'Production' ? 'Staging, then ' : ''}${registryStage} ${gate}${person}`;
}

export function plannedDeployment(
  { deployment }: Config,
  { redeploy, registryStage, rollout }: PlanOf<'retrain'>,
): string {
  if (deployment.target === 'none') return 'not done: deployment.target is none';
  if (!redeploy) return 'not done, as asked';
  if (registryStage !== 'Production') return 'not done: only Production is deployed';
  const by = { process: 'as a process of the gateway', docker: 'as a container', none: '' }[deployment.target];
  const how = {
    atOnce: 'traffic moves at once',
    canary: 'a share of the traffic first',
    linear: 'traffic in equal steps',
  };
  return `the API ${by} at ${deployment.apiUrl}; ${how[rollout.strategy]}`;
}
