import type { Config } from '../../config.ts';
import type { Pool } from '../processes/pool.ts';
import type { Reaper } from '../processes/reaper.ts';
import { runAsCommand } from './command.ts';
import { createContainers } from './container.ts';
import { wrongSettings } from './errors.ts';
import { createSlots } from './slots.ts';
import type { StepRunner } from './step.ts';

export { stepFailed } from './errors.ts';
export { logModelFile } from './modelFile.ts';
export { collectReport } from './report.ts';
export type { Ran } from './result.ts';
export { readStepAnswer } from './result.ts';
export type { StepCall, StepRunner } from './step.ts';
export { type CommandSettings, extraStepSettings, textsOf } from './step.ts';

interface Parts {
  config: Config;
  reaper: Reaper;
  /** Processes for steps that compute, one for each slot. */
  pool: Pool;
  /** A process for proposals, which must not wait behind trials. */
  proposer: Pool;
}

/** A runner, with what must be put away with it. */
export interface OpenStepRunner extends StepRunner {
  close(): Promise<void>;
}

export async function createStepRunner({ config: shared, reaper, pool, proposer }: Parts): Promise<OpenStepRunner> {
  const containers = createContainers(shared);
  const systems = { reaper, containers, slots: createSlots() };
  if (usesContainers(shared)) await containers.removeOrphans();
  return {
    async run(call) {
      const config = call.config ?? shared;
      if (call.settings) return await runAsCommand(systems, config, call.settings, call);
      if (call.step === 'extra') throw wrongSettings('An extra step needs a command.');
      const { command, skip, ...settings } = config.steps[call.step];
      if (command) {
        return await runAsCommand(systems, config, { ...settings, command, name: `steps.${call.step}` }, call);
      }
      if (skip) throw wrongSettings(`steps.${call.step}.skip is set: this project has no such step.`);
      if (call.step === 'search') throw wrongSettings('steps.search has no command.');
      const processes = call.step === 'suggest' ? proposer : pool;
      const { step, input, logFile, signal, onProgress } = call;
      return processes.run({ step, input, logFile, signal, onProgress, timeoutMs: settings.timeout * 1000 });
    },
    close: () => containers.close(),
  };
}

function usesContainers(config: Config): boolean {
  return [config, ...Object.values(config.models)].some(({ steps, extraSteps }) =>
    [...Object.values(steps), ...extraSteps].some(({ image }) => image !== undefined),
  );
}
