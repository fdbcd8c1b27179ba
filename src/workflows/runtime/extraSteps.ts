import { isCancellation } from '@temporalio/workflow';
import type { Stage } from '../../contracts/names.ts';
import type { ExtraStepPlan, RetrainPlan } from '../../contracts/plans.ts';
import type { StageProgress } from '../../contracts/progress.ts';
import type { ArtifactRef } from '../../contracts/training.ts';
import type { ResultOf } from '../../contracts/workflows.ts';
import { stepActivities } from './activities.ts';
import { keyOf } from './mlflowRun.ts';
import type { Recorder } from './progress.ts';
import type { Companion } from './stages.ts';

/** Runs the commands of the project that stand before and after the stages of a retrain, one after the other. */
export function extraSteps(plan: RetrainPlan, { report }: Recorder): Companion<never> {
  let dataset: ArtifactRef | null = null;
  let version: string | null = null;

  async function runAll(stage: Stage, when: 'before' | 'after'): Promise<void> {
    for (const step of plan.extraSteps) if (step.stage === stage && step.when === when) await runOne(step);
  }

  async function runOne(step: ExtraStepPlan): Promise<void> {
    const { name, stage, when } = step;
    const show = (state: StageProgress['state']) =>
      report({ event: 'extraStepChanged', step: { name, stage, when, state } });
    const { registeredModel, data, model, seed } = plan;
    show('running');
    try {
      const key = keyOf(`extra/${name}`);
      await stepActivities(step).runExtraStep({ registeredModel, name, data, model, seed, dataset, version, key });
    } catch (error) {
      show(isCancellation(error) ? 'cancelled' : 'failed');
      throw error;
    }
    show('done');
  }

  return {
    before: (stage) => runAll(stage, 'before'),
    async after(stage, result) {
      if (stage === 'prepareData') dataset = (result as ResultOf<typeof stage>).ref;
      if (stage === 'trainBestAndRegister') version = (result as ResultOf<typeof stage>).version;
      if (stage === 'promote' && !(result as ResultOf<typeof stage>).promotion.promoted) return;
      await runAll(stage, 'after');
    },
  };
}
