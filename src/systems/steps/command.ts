import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { expand, expandAll, PlaceholderError, type PlaceholderValues } from '../../config/placeholders.ts';
import type { Config } from '../../config.ts';
import { mlflowFiles } from '../mlflow/variables.ts';
import { environmentOf, variablesOf } from '../processes/environment.ts';
import { CommandFailed, CommandTimedOut, StepError } from '../processes/errors.ts';
import { openLog } from '../processes/output.ts';
import type { Reaper } from '../processes/reaper.ts';
import { runCommand } from '../processes/runCommand.ts';
import type { Containers } from './container.ts';
import {
  expandIfKnown,
  outputOf,
  placeholderValues,
  programOf,
  runVariables,
  surroundings,
  type Variables,
} from './environment.ts';
import { invalidSetting, noResult } from './errors.ts';
import { type Gpus, gpuVariables, type TakenGpus } from './gpus.ts';
import { watchFor } from './metrics.ts';
import { copyWritable, openPlace, type Place } from './place.ts';
import { readFailure, readResultFile, rememberOutputs } from './result.ts';
import { type Slots, slotsOf } from './slots.ts';
import type { CommandSettings, StepCall } from './step.ts';

interface CommandSystems {
  reaper: Reaper;
  containers: Containers;
  slots: Slots;
  gpus: Gpus;
  /** Whether any step of any model wants a GPU. */
  usesGpus: () => boolean;
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
  /** MLflow as the command reaches it. */
  trackingUri: string;
  /** Absent where no step wants a GPU: then it sees those that the worker sees. */
  gpus: Pick<TakenGpus, 'ids' | 'mark'> | undefined;
}

/**
 * Runs a step as a process of its own, or in a container.
 *
 * A script that knows the contract reads MEDIWATCH_INPUT, a JSON file, and writes MEDIWATCH_RESULT, `{"result": …}` or
 * `{"error": …}`. One that does not gets all by its arguments, and `call.collect` finds what came of it.
 */
export async function runAsCommand(
  systems: CommandSystems,
  config: Config,
  settings: CommandSettings,
  given: StepCall,
): Promise<unknown> {
  const call = withCores(given, settings);
  const { workDir, signal, input } = call;
  let gpus: Prepared['gpus'];
  const takeGpus = async (signal: AbortSignal) => {
    if (!systems.usesGpus()) return () => {};
    const { release, ...taken } = await systems.gpus.take(settings, signal);
    gpus = taken;
    return release;
  };
  const releaseSlots = await systems.slots.take(slotsOf(config, settings, call, takeGpus), signal);
  try {
    const place = await openPlace({ config, settings, workDir, signal });
    try {
      const output = outputOf(call);
      // An activity may run a command several times: none finds what another one wrote.
      if (!('outputDir' in input)) await rm(output, { recursive: true, force: true });
      await mkdir(output, { recursive: true });
      const dataset = await ownDataset(call, place, config);
      const runId = (await call.openRun?.())?.runId;
      const { project } = place;
      const trackingUri = settings.image ? await systems.containers.mlflowUri() : config.mlflow.uri;
      const filled = { ...input, ...dataset };
      const known = placeholderValues({ config, input: filled, project, workDir, output, runId, trackingUri });
      return await run(systems, { config, settings, call, place, known, output, runId, trackingUri, gpus });
    } finally {
      await place.leave();
    }
  } catch (error) {
    throw error instanceof PlaceholderError ? invalidSetting.placeholder(settings.name, error.message) : error;
  } finally {
    releaseSlots();
  }
}

async function run(systems: CommandSystems, prepared: Prepared): Promise<unknown> {
  const { config, settings, call, known, output, runId, trackingUri, place, gpus } = prepared;
  const { outputs, name } = settings;
  const files = { input: join(call.workDir, 'input.json'), result: join(call.workDir, 'result.json') };
  for (const file of Object.values(files)) await rm(file, { recursive: true, force: true });
  await writeFile(files.input, JSON.stringify(call.input));
  const env: Variables = {
    MEDIWATCH_STEP: call.step,
    MEDIWATCH_INPUT: files.input,
    MEDIWATCH_RESULT: files.result,
    ...runVariables(config, call, { uri: trackingUri, runId }),
    ...threadVariables(settings.cores ?? known.values.threads),
    ...(gpus && gpuVariables(settings, gpus.ids)),
    ...Object.fromEntries(
      // An empty value takes a variable away, such as an MLFLOW_RUN_ID that a script should not have.
      Object.entries(settings.env).map(([variable, text]) => [variable, expand(text, known) || undefined]),
    ),
  };
  const printed =
    outputs.pattern === undefined ? undefined : watchFor(outputs.pattern, `${name}.outputs.pattern`, call.onPrinted);
  const pathOf = (text: string) => resolve(place.cwd, expand(text, known));
  const toWrite = [outputs.file, outputs.modelFile].flatMap((text) => (text && expandIfKnown(text, known)) ?? []);
  const written = await rememberOutputs(name, toWrite.map(pathOf), pathOf);
  const startedAt = Date.now();
  let failure: Error | undefined;
  try {
    await start(systems, prepared, expandAll(settings.command, known), env, printed?.see);
  } catch (error) {
    // Its result file may say why, which is clearer than its exit code. One that was stopped did not fail by itself.
    const endedByItself = error instanceof CommandFailed && error.exitCode !== null && !call.signal.aborted;
    const said = endedByItself ? await readFailure(files.result) : undefined;
    const told = said ?? retryable(withHint(error), settings);
    if (said || !endedByItself || !call.judgesFailures) throw told;
    failure = told instanceof Error ? told : new Error(String(told));
  }
  if (printed && !printed.metrics()) await note(call.logFile, `No line matched ${name}.outputs.pattern.`);
  const result = await readResultFile(files.result).catch((error: unknown) => {
    throw failure ?? error;
  });
  if (!call.collect) {
    if (result === undefined) throw noResult.none(name);
    return result;
  }
  return await call.collect({
    settings,
    failure,
    result,
    printed: printed?.metrics(),
    output,
    runId,
    startedAt,
    endedAt: Date.now(),
    written,
    runMore: (command) => start(systems, prepared, command, env),
  });
}

/** Starts a command in the place, environment and perhaps container of the step, and waits for its end. */
async function start(
  { reaper, containers }: CommandSystems,
  { config, settings, call, place, known, gpus }: Prepared,
  command: readonly string[],
  env: Variables,
  onLines: (lines: readonly string[]) => void = () => {},
): Promise<void> {
  const { image, timeout, cores, memoryMb: memoryLimitMb = config.worker.memoryLimitMb } = settings;
  const { cwd } = place;
  const { logFile, signal, onProgress, workDir } = call;
  const program = programOf(config, settings, command);
  const shared = { cwd, logFile, timeoutMs: timeout * 1000, memoryLimitMb, signal, onProgress, onLines, reaper };
  if (!image) {
    const all = { ...surroundings(settings), ...program.env, ...env, ...gpus?.mark };
    await runCommand({ ...shared, command: program.command, env: all });
    return;
  }
  const { data, dataset, log } = known.values;
  const contained = {
    image,
    command: program.command,
    cwd,
    env: defined({
      ...variablesOf(settings.passEnv),
      ...program.env,
      ...env,
    }),
    writable: [place.project, workDir],
    readable: [data, dataset, log, ...mlflowFiles(env)]
      .map(String)
      .filter((path) => isAbsolute(path) && existsSync(path)),
    home: workDir,
    memoryLimitMb,
    cores,
    gpus: gpus?.ids,
    key: call.key ?? workDir,
  };
  await containers.contain(contained, async (docker, client) => {
    const env = { ...environmentOf(['network', 'docker'], config.docker.passEnv), ...client, ...gpus?.mark };
    await runCommand({ ...shared, command: docker, env });
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

/** Adds a line to the log of a step. */
async function note(logFile: string, line: string): Promise<void> {
  const log = await openLog(logFile);
  await log.write([line]).finally(() => log.close());
}

/** A step with cores of its own computes on these. */
function withCores(call: StepCall, { cores }: CommandSettings): StepCall {
  if (cores === undefined || !('threads' in call.input)) return call;
  return { ...call, input: { ...call.input, threads: cores } };
}

/** Libraries that compute would take all cores in each of several processes. */
function threadVariables(threads: PlaceholderValues['values']['threads']): Variables {
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
  const isOfMlflow = error instanceof CommandFailed && error.tail.includes('does not match environment run ID');
  return isOfMlflow ? noResult.otherExperiment(error.message) : error;
}

const defined = (env: Variables) =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
