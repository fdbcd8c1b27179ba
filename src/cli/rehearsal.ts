import type { RetrainInput } from '../contracts/workflows.ts';
import { planOf, stagesOf } from '../doctor/plan.ts';
import { stageLines } from '../doctor/report.ts';
import type { Cli } from './cli.ts';
import { configOf } from './flags.ts';
import { changeOf, changeText, outlook } from './production.ts';

/** Shows what a retrain with this input would do. It starts nothing, and needs no worker: MLflow is asked, if it is there. */
export async function rehearseRetrain(cli: Cli, input: RetrainInput): Promise<void> {
  const config = configOf(cli, input.registeredModel, input.undeclared);
  const plan = planOf(cli.config(), input);
  const now = await outlook(config);
  const stages = stagesOf(config, plan).filter(({ stage }) => stage !== 'driftCheck');
  const change = changeOf('retrain', { ...input, approval: false }, config);
  const production = change && changeText(change, now);
  const { registeredModel, approval } = plan;
  cli.show({ dryRun: true, workflow: 'retrain', registeredModel, input, plan, stages, production }, () => [
    cli.style('bold', `${registeredModel}: what this retrain would do`),
    ...stages.flatMap((stage) => stageLines(stage, cli.style)),
    '',
    ...(production ? [production] : []),
    ...(production && approval.required ? ['Before that, a person would be asked to approve it.'] : []),
    'Dry run: nothing was started.',
  ]);
}
