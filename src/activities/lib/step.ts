import { mkdir, rm, rmdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { PlaceholderStep } from '../../config/placeholders.ts';
import { redactTexts } from '../../config/redaction.ts';
import { type Config, fromRoot } from '../../config.ts';
import { fileName } from '../../contracts/text.ts';
import type { LogOrigin, LogShipper, LogState, OpenLog } from '../../systems/logs/index.ts';
import { openLog } from '../../systems/processes/output.ts';
import type { StepCall, StepRunner } from '../../systems/steps/index.ts';
import { ownWork } from '../../systems/steps/place.ts';

/** What a step needs when it is a command. */
type CommandOptions = Pick<StepCall, 'openRun' | 'onPrinted' | 'collect' | 'judgesFailures' | 'key' | 'settings'>;

/** A step under another name than its own, where one workflow runs it many times. */
interface NamedStep {
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
      { logFile },
    );
  } finally {
    await rm(workDir, { recursive: true, force: true });
    // The workflow's folder goes with its last step; until then it is not empty.
    await rmdir(dirname(workDir)).catch(() => undefined);
  }
}

/** Where the running attempt of a step keeps its log, and what it is called elsewhere. */
interface StepLog {
  file: string;
  origin: LogOrigin;
  /** The workflow's id and the attempt, as names of folders and files. */
  names: { workflow: string; attempt: string };
}

/** @param name of the step, such as `prepare` or `trial-7` */
function stepLog(config: Config, name: string): StepLog {
  const { workflowExecution, workflowType = 'none', activityId, attempt } = Context.current().info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: 'none', runId: '' };
  const names = { workflow: safeName(workflowId), attempt: `${safeName(name)}-${safeName(activityId)}-${attempt}` };
  return {
    file: join(fromRoot(config, config.stack.dir), 'logs', 'steps', names.workflow, `${names.attempt}.log`),
    origin: { workflowId, runId, workflow: workflowType, step: name, activityId, attempt },
    names,
  };
}

/** A workflow id as a file name. */
const safeName = (id: string) => fileName(id).slice(0, 120);

export type Shipper = Pick<LogShipper, 'open'>;

/** The log of an activity that is no step of the training. */
export interface ActivityLog {
  /** Adds a line, unless it is the same as the last one. */
  say(line: string): void;
  /**
   * Shows another file of this host beside it, from its present end on, or from its beginning.
   *
   * @param name what it is called, as steps are
   */
  follow(name: string, file: string, options?: { fromStart?: boolean }): void;
}

/** Gives an activity a log that is kept and shown as those of the steps are. */
export async function logged<Result>(
  { config, shipper, name }: { config: Config; shipper: Shipper; name: string },
  body: (log: ActivityLog) => Promise<Result>,
): Promise<Result> {
  const { file, origin } = stepLog(config, name);
  // A full disk is no reason to give up what is logged.
  const local = await openLog(file).catch(() => undefined);
  const shipped: OpenLog[] = [shipper.open(origin, file)];
  let writing: Promise<unknown> = Promise.resolve();
  let latest = '';
  const end = async (state: LogState, reason?: string) => {
    await writing;
    await local?.close().catch(() => undefined);
    for (const log of shipped) log.close(state, reason);
  };
  try {
    const result = await body({
      say(line) {
        if (line === latest) return;
        latest = line;
        writing = writing.then(() => local?.write([line])).catch(() => undefined);
      },
      follow: (other, path, options) => shipped.push(shipper.open({ ...origin, step: other }, path, options)),
    });
    await end('completed');
    return result;
  } catch (error) {
    const cancelled = Context.current().cancellationSignal.aborted;
    await end(cancelled ? 'cancelled' : 'failed', error instanceof Error ? error.message : String(error));
    throw error;
  }
}

/** How often a heartbeat is offered; the SDK passes on one every few seconds (see worker.ts). */
const INTERVAL_MS = 1000;

interface Beat {
  /** Aborted when the activity is cancelled, times out, or its workflow is gone. */
  signal: AbortSignal;
  /** Sets what the next heartbeats tell: it is shown in the UI with the pending activity. */
  progress(what: unknown): void;
}

/**
 * Sends heartbeats by timer while the body runs, independently of any output of what it waits for, so that a live
 * step is never taken for a dead one.
 *
 * @param options.logFile file on this host where the step's output goes; told with each heartbeat
 */
export async function whileHeartbeating<Result>(
  body: (beat: Beat) => Promise<Result>,
  { logFile, intervalMs = INTERVAL_MS }: { logFile?: string; intervalMs?: number } = {},
): Promise<Result> {
  const context = Context.current();
  let latest: unknown = null;
  const send = () =>
    context.heartbeat({ host: hostname(), ...(logFile && { log: logFile }), progress: redactTexts(latest) });
  send();
  const timer = setInterval(send, intervalMs);
  try {
    return await body({
      signal: context.cancellationSignal,
      progress: (what) => {
        latest = what;
      },
    });
  } finally {
    clearInterval(timer);
  }
}

type Method = (...args: never[]) => Promise<unknown>;

/** Lets short activities send heartbeats too, so that the death of their worker is noticed within seconds. */
export function heartbeating<Activities extends Record<string, Method>>(activities: Activities): Activities {
  const wrap =
    (method: Method): Method =>
    (...args) =>
      whileHeartbeating(() => method(...args));
  return Object.fromEntries(Object.entries(activities).map(([name, method]) => [name, wrap(method)])) as Activities;
}
