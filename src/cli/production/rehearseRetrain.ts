import type { RetrainInput } from '../../contracts/workflows.ts';
import { type PlannedStage, planOf, stagesOf } from '../check/plan.ts';
import { stageLines } from '../check/text.ts';
import type { Cli } from '../cli.ts';
import { configOf } from '../model.ts';
import { wishOf } from './ask.ts';
import { outlook } from './outlook.ts';
import { wishInWords } from './words.ts';

/** Tells what a retrain with this input would do. It starts nothing, and needs no worker: MLflow is asked, if it is there. */
export async function rehearseRetrain(cli: Cli, input: RetrainInput): Promise<void> {
  const config = configOf(cli, input.registeredModel);
  const plan = planOf(config, input);
  const now = await outlook(config);
  const stages: PlannedStage[] = stagesOf(config, plan).filter(({ stage }) => stage !== 'driftCheck');
  const wish = wishOf('retrain', { ...input, approval: false }, config);
  const production = wish && wishInWords(wish, now);
  const { registeredModel, approval } = plan;
  cli.emit({ dryRun: true, workflow: 'retrain', registeredModel, input, plan, stages, production });
  if (cli.json) return;
  cli.say(cli.style('bold', `${registeredModel}: what this retrain would do`));
  for (const line of stages.flatMap((stage) => stageLines(stage, cli.style))) cli.say(line);
  cli.say();
  if (production) cli.say(production);
  if (production && approval.required) cli.say('Before that, a person would be asked to approve it.');
  cli.say('Dry run: nothing was started.');
}
