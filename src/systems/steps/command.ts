import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { expand, expandAll, PlaceholderError, type PlaceholderValues } from '../../config/placeholders.ts';
import type { Config } from '../../config.ts';
import { CommandFailed, CommandTimedOut, StepError } from '../processes/errors.ts';
import type { Reaper } from '../processes/reaper.ts';
import { runCommand } from '../processes/runCommand.ts';
import type { Containers } from './container.ts';
import {
  expandIfKnown,
  mlflowVariables,
  outputOf,
  placeholderValues,
  programOf,
  type Variables,
  withoutOurs,
} from './environment.ts';
import { stepFailed, wrongSettings } from './errors.ts';
import { type Printed, watchFor } from './metrics.ts';
import { copyWritable, openPlace, type Place } from './place.ts';
import { lookAt, type Ran, ranResult, readFailure, readResultFile } from './result.ts';
import { type Slots, slotsOf } from './slots.ts';
import type { CommandSettings, StepCall } from './step.ts';

export interface CommandSystems {
  reaper: Reaper;
  containers: Containers;
  slots: Slots;
}

/** One call, with everything that was found out before the command starts. */
interface Prepared {
  config: Config;
  settings: CommandSettings;
  call: StepCall;
  place: Place;
  known: PlaceholderValues;
  output: string;
  runId: string | undefined;
}

/**
 * Runs a step as a process of its own, or in a container.
 *
 * A script that knows the contract reads MEDIWATCH_INPUT, a JSON file, and writes MEDIWATCH_RESULT, `{"result": …}` or
 * `{"error": …}`. One that does not is told by its arguments what to do, and `call.collect` finds what came of it.
 */
export async function runAsCommand(
  systems: CommandSystems,
  config: Config,
  settings: CommandSettings,
  call: StepCall,
): Promise<unknown> {
  const giveBack = await systems.slots.take(slotsOf(config, settings, call), call.signal);
  try {
    const { workDir, signal, input } = call;
    const place = await openPlace({ config, settings, workDir, signal });
    try {
      const output = outputOf(call);
      // An activity may run a command several times: none finds what another one wrote.
      if (!('outputDir' in input)) await rm(output, { recursive: true, force: true });
      await mkdir(output, { recursive: true });
      const dataset = await ownDataset(call, place, config);
      const runId = (await call.openRun?.())?.runId;
      const known = placeholderValues({
        config,
        input: { ...input, ...dataset },
        project: place.project,
        workDir,
        output,
        runId,
      });
      return await run(systems, { config, settings, call, place, known, output, runId });
    } finally {
      await place.leave();
    }
  } catch (error) {
    if (error instanceof PlaceholderError) throw wrongSettings(`${settings.name}: ${error.message}.`);
    throw error;
  } finally {
    giveBack();
  }
}

async function run(systems: CommandSystems, prepared: Prepared): Promise<unknown> {
  const { settings, call, known, output, place } = prepared;
  const { outputs } = settings;
  const files = { input: join(call.workDir, 'input.json'), result: join(call.workDir, 'result.json') };
  for (const file of Object.values(files)) await rm(file, { recursive: true, force: true });
  await writeFile(files.input, JSON.stringify(call.input));
  const command = expandAll(settings.command, known);
  const env: Variables = {
    MEDIWATCH_STEP: call.step,
    MEDIWATCH_INPUT: files.input,
    MEDIWATCH_RESULT: files.result,
    ...mlflowVariables(prepared.config, call.key, prepared.runId),
    ...threadVariables(known),
    ...Object.fromEntries(
      // An empty value takes a variable away, such as an MLFLOW_RUN_ID that a script should not have.
      Object.entries(settings.env).map(([name, text]) => [name, expand(text, known) || undefined]),
    ),
  };
  const printed = watchFor(outputs.pattern, `${settings.name}.outputs.pattern`);
  const toWrite = [outputs.file, outputs.modelFile].flatMap((text) => (text && expandIfKnown(text, known)) ?? []);
  const before = await lookAt(toWrite.map((path) => resolve(place.cwd, path)));
  const startedAt = Date.now();
  try {
    await start(systems, prepared, command, env, printed);
  } catch (error) {
    // Its result file may say why, which is clearer than its exit code. One that was stopped did not fail by itself.
    const endedByItself = error instanceof CommandFailed && error.exitCode !== null && !call.signal.aborted;
    const told = endedByItself ? await readFailure(files.result) : undefined;
    throw told ?? retryable(withHint(error), settings);
  }
  const result = await readResultFile(files.result);
  if (!call.collect) {
    if (result !== undefined) return result;
    throw stepFailed(`The command of ${settings.name} ended well but wrote no result to MEDIWATCH_RESULT.`);
  }
  const ran: Ran = ranResult({
    settings,
    result,
    printed: printed.metrics(),
    output,
    runId: prepared.runId,
    startedAt,
    endedAt: Date.now(),
    before,
    pathOf: (text) => resolve(place.cwd, expand(text, known)),
    runMore: (more, extra) => start(systems, prepared, more, { ...env, ...extra }, watchFor(undefined, '')),
  });
  return await call.collect(ran);
}

/** Starts a command in the place, environment and perhaps container of the step, and waits for its end. */
async function start(
  systems: CommandSystems,
  { config, settings, call, place, known }: Prepared,
  command: readonly string[],
  env: Variables,
  printed: Printed,
): Promise<void> {
  const program = programOf(config, settings, command);
  const { image, timeout } = settings;
  const { memoryLimitMb } = config.worker;
  const shared = {
    cwd: place.cwd,
    logFile: call.logFile,
    timeoutMs: timeout * 1000,
    memoryLimitMb,
    signal: call.signal,
    onProgress: call.onProgress,
    onLines: printed.see,
    reaper: systems.reaper,
  };
  if (!image) {
    const all = { ...withoutOurs(process.env), ...program.env, ...env };
    await runCommand({ ...shared, command: program.command, env: all });
    return;
  }
  const { data, dataset, log } = known.values;
  const readable = [data, dataset, log].map(String).filter((path) => isAbsolute(path) && existsSync(path));
  const contained = {
    image,
    command: program.command,
    cwd: place.cwd,
    env: defined({ ...program.env, ...env, MLFLOW_TRACKING_URI: await systems.containers.mlflowUri() }),
    writable: [place.project, call.workDir],
    readable,
    home: call.workDir,
    memoryLimitMb,
    key: call.key ?? call.workDir,
  };
  await systems.containers.contain(contained, async (docker, client) => {
    await runCommand({ ...shared, command: docker, env: client });
  });
}

/**
 * Gives an isolated step a data set of its own, since the cache's is for all; it also lies where the step `prepare`
 * has written it, for scripts that look for it there.
 */
async function ownDataset(call: StepCall, place: Place, config: Config): Promise<{ datasetDir?: string }> {
  const { datasetDir } = call.input as { datasetDir?: string };
  if (!place.isolated || datasetDir === undefined) return {};
  const { outputs, cwd = '.' } = config.steps.prepare;
  const written = outputs.directory && relative(config.root, resolve(config.root, cwd, outputs.directory));
  const inProject = written && !written.startsWith('..') && !/[{}]/.test(written);
  const own = inProject ? join(place.project, written) : join(call.workDir, 'dataset');
  await rm(own, { recursive: true, force: true });
  await copyWritable(datasetDir, own, call.signal);
  return { datasetDir: own };
}

/** Libraries that compute would take all cores in each of several processes. */
function threadVariables({ values: { threads } }: PlaceholderValues): Variables {
  if (threads === undefined || process.env.OMP_NUM_THREADS !== undefined) return {};
  return { OMP_NUM_THREADS: String(threads) };
}

/** Where attempts are set, a failure of the command itself is one that another attempt may not have. */
function retryable(error: unknown, { attempts }: CommandSettings): unknown {
  const isOwn = error instanceof CommandFailed || error instanceof CommandTimedOut;
  if (attempts === undefined || !isOwn) return error;
  return new StepError({ type: 'CommandFailed', message: error.message, retryable: true, field: null });
}

/** MLflow's own message speaks of options that a script need not have. */
function withHint(error: unknown): unknown {
  if (!(error instanceof Error) || !/does not match environment run ID/.test(error.message)) return error;
  return stepFailed(
    'The script sets another MLflow experiment than the one in which its run was opened. Set mlflow.experiment to the ' +
      `experiment that the script uses, or give the step env: { MLFLOW_RUN_ID: "" } so that it opens its own run.\n${error.message}`,
  );
}

const defined = (env: Variables) =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
