import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Config, fromRoot } from '../config.ts';
import type { StepName } from '../contracts/plan.ts';
import { StepError } from './processes/errors.ts';
import type { Pool } from './processes/pool.ts';
import type { Reaper } from './processes/reaper.ts';
import { runCommand } from './processes/runCommand.ts';

export interface StepCall {
  step: StepName;
  input: object;
  /** Folder for the files of this call. */
  workDir: string;
  logFile: string;
  signal: AbortSignal;
  onProgress: (progress: unknown) => void;
  /** Gives the MLflow run that a command is handed as MLFLOW_RUN_ID. */
  openRun?: () => Promise<{ runId: string }>;
}

/** Runs the steps of a training: in the warm pool, or as the command that mediwatch.yaml names. */
export interface StepRunner {
  run(call: StepCall): Promise<unknown>;
}

interface Parts {
  config: Config;
  reaper: Reaper;
  /** Processes for steps that compute, one for each slot. */
  pool: Pool;
  /** A process for proposals, which must not wait behind trials. */
  proposer: Pool;
}

export function createStepRunner({ config, reaper, pool, proposer }: Parts): StepRunner {
  return {
    run(call) {
      const { command, timeout } = config.steps[call.step];
      if (command) return runAsCommand(config, reaper, command, call);
      const processes = call.step === 'suggest' ? proposer : pool;
      const { step, input, logFile, signal, onProgress } = call;
      return processes.run({ step, input, logFile, signal, onProgress, timeoutMs: timeout * 1000 });
    },
  };
}

const ResultFile = z.union([
  z.object({ result: z.unknown() }),
  z.object({
    error: z.object({
      type: z.string(),
      message: z.string(),
      retryable: z.boolean().default(false),
      field: z.string().nullish(),
    }),
  }),
]);

/**
 * Runs a step as a process of its own. The contract is in its environment: MEDIWATCH_INPUT names a JSON file with the
 * input, MEDIWATCH_RESULT the file that it writes, `{"result": …}` or `{"error": …}`; its last line of output is shown
 * as its progress.
 */
async function runAsCommand(config: Config, reaper: Reaper, command: string[], call: StepCall): Promise<unknown> {
  const { cwd, env, timeout } = config.steps[call.step];
  const inputFile = join(call.workDir, 'input.json');
  const resultFile = join(call.workDir, 'result.json');
  await writeFile(inputFile, JSON.stringify(call.input));
  const run = await call.openRun?.();
  const ran = runCommand({
    command,
    cwd: cwd ? fromRoot(config, cwd) : config.root,
    env: {
      MEDIWATCH_STEP: call.step,
      MEDIWATCH_INPUT: inputFile,
      MEDIWATCH_RESULT: resultFile,
      MLFLOW_TRACKING_URI: config.mlflow.uri,
      MLFLOW_EXPERIMENT_NAME: config.mlflow.experiment,
      ...(run && { MLFLOW_RUN_ID: run.runId }),
      ...env,
    },
    logFile: call.logFile,
    timeoutMs: timeout * 1000,
    memoryLimitMb: config.worker.memoryLimitMb,
    signal: call.signal,
    onProgress: call.onProgress,
    reaper,
  });
  // A step that failed may have said why in its result file, which is clearer than its exit code.
  const failed = await ran.then(
    () => undefined,
    (error: unknown) => error,
  );
  const written = await readResult(resultFile);
  if (written && 'error' in written) {
    const { type, message, retryable, field } = written.error;
    throw new StepError({ type, message, retryable, field: field ?? null });
  }
  if (failed) throw failed;
  if (!written) {
    const message = `The command of the step "${call.step}" ended well but wrote no result to MEDIWATCH_RESULT.`;
    throw new StepError({ type: 'StepFailed', message, retryable: false, field: null });
  }
  return written.result;
}

async function readResult(file: string): Promise<z.infer<typeof ResultFile> | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return ResultFile.parse(JSON.parse(text));
  } catch (error) {
    const message = `The result file is not what a step writes: ${(error as Error).message}`;
    throw new StepError({ type: 'StepFailed', message, retryable: false, field: null });
  }
}
