import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Context } from '@temporalio/activity';
import { type Config, fromRoot } from '../../config.ts';
import type { StepName } from '../../contracts/plan.ts';
import type { StepRunner } from '../../systems/steps/index.ts';
import { type Beat, whileHeartbeating } from './heartbeat.ts';

interface StepContext {
  /** Folder of this attempt alone; it is removed afterwards. */
  workDir: string;
  beat: Beat;
  /** Runs the step with its input and gives its raw result. */
  run(runner: StepRunner, input: object, openRun?: () => Promise<{ runId: string }>): Promise<unknown>;
}

/** Gives an activity what every step needs: heartbeats, a folder of its own, and a log file that survives it. */
export async function runStepActivity<Result>(
  config: Config,
  step: StepName,
  body: (context: StepContext) => Promise<Result>,
): Promise<Result> {
  const { workflowExecution, activityId, attempt } = Context.current().info;
  const state = fromRoot(config, config.stack.dir);
  const workflow = safeName(workflowExecution?.workflowId ?? 'none');
  const name = `${step}-${safeName(activityId)}-${attempt}`;
  const workDir = join(state, 'work', `${workflow}-${(workflowExecution?.runId ?? '').slice(0, 8)}`, name);
  const logFile = join(state, 'logs', 'steps', workflow, `${name}.log`);
  await mkdir(workDir, { recursive: true });
  try {
    return await whileHeartbeating(
      (beat) =>
        body({
          workDir,
          beat,
          run: (runner, input, openRun) =>
            runner.run({
              step,
              input,
              workDir,
              logFile,
              signal: beat.signal,
              onProgress: beat.progress,
              ...(openRun && { openRun }),
            }),
        }),
      logFile,
    );
  } finally {
    await rm(workDir, { recursive: true, force: true });
    // The workflow's folder goes with its last step; until then it is not empty.
    await rmdir(dirname(workDir)).catch(() => undefined);
  }
}

/** A workflow id as a file name: ids may hold slashes and anything else. */
function safeName(id: string): string {
  return id.replace(/[^\w.-]+/g, '_').slice(0, 120);
}
