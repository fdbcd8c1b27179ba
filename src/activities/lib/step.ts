import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PlaceholderStep } from '../../config/placeholders.ts';
import type { Config } from '../../config.ts';
import type { StepCall, StepRunner } from '../../systems/steps/index.ts';
import { ownWork } from '../../systems/steps/place.ts';
import { type Beat, whileHeartbeating } from './heartbeat.ts';
import { stepLog } from './stepLog.ts';

/** What a step needs when it is a command. */
export type CommandOptions = Pick<StepCall, 'openRun' | 'collect' | 'key' | 'settings'>;

/** A step under another name than its own, where one workflow runs it many times. */
export interface NamedStep {
  step: PlaceholderStep;
  name: string;
}

interface StepContext {
  /** Folder of this attempt alone; it is removed afterwards. */
  workDir: string;
  beat: Beat;
  /** Runs the step with its input and gives its raw result. */
  run(runner: StepRunner, input: object, options?: CommandOptions): Promise<unknown>;
}

/**
 * Gives an activity what every step needs: heartbeats, a folder of its own, and a log file that survives it.
 *
 * @param config settings of the registered model that the step is for
 * @param what the step; its name is part of those of its folder and its log
 */
export async function runStepActivity<Result>(
  config: Config,
  what: PlaceholderStep | NamedStep,
  body: (context: StepContext) => Promise<Result>,
): Promise<Result> {
  const { step, name } = typeof what === 'string' ? { step: what, name: what } : what;
  const { file: logFile, origin, names } = stepLog(config, name);
  const workDir = join(ownWork(config), `${names.workflow}-${origin.runId.slice(0, 8)}`, names.attempt);
  await mkdir(workDir, { recursive: true });
  try {
    return await whileHeartbeating(
      (beat) =>
        body({
          workDir,
          beat,
          run: (runner, input, options = {}) =>
            runner.run({
              ...options,
              config,
              step,
              input,
              workDir,
              logFile,
              origin,
              signal: beat.signal,
              onProgress: beat.progress,
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
