import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { cwdIn } from './place.ts';
import type { CommandSettings } from './settings.ts';
import type { Slot } from './slots.ts';
import type { StepCall } from './step.ts';
import { expandIfKnown, outputOf, placeholderValues } from './values.ts';

/**
 * What a call has to wait for on this host: others that would write the same file, others of its step, and a slot of
 * the worker.
 */
export function slotsOf(config: Config, settings: CommandSettings, call: StepCall): Slot[] {
  const files = writtenBy(config, settings, call).map((path) => ({ name: `file ${path}`, limit: 1 }));
  // A proposal takes no time and must not wait behind trials.
  const host = call.step === 'suggest' ? [] : [{ name: 'host', limit: config.worker.slots }];
  const own =
    settings.slots === undefined
      ? []
      : [{ name: `${config.registry.registeredModel} ${settings.name}`, limit: settings.slots }];
  return [...files, ...own, ...host];
}

/** The paths of `outputs` as they will be once the call has its place, each once, in one order for all calls. */
function writtenBy(config: Config, settings: CommandSettings, call: StepCall): string[] {
  const { outputs, isolate } = settings;
  const { workDir } = call;
  const isolated = isolate !== 'none';
  const project = isolated ? join(workDir, 'project') : config.root;
  const known = placeholderValues({
    config,
    // The run that is opened for the call, and the data set of an isolated one, are of no other call either.
    input: { runId: workDir, ...call.input, ...(isolated && { datasetDir: workDir }) },
    project,
    workDir,
    output: outputOf(call),
    runId: undefined,
  });
  const cwd = cwdIn(config, project, settings);
  const paths = [outputs.file, outputs.directory, outputs.modelFile].flatMap((text) => {
    const path = text === undefined ? undefined : expandIfKnown(text, known);
    return path === undefined ? [] : [resolve(cwd, path)];
  });
  return [...new Set(paths)].sort();
}
