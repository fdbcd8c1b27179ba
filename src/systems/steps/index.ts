import type { Config } from '../../config.ts';
import type { LogShipper } from '../logs/index.ts';
import type { Pool } from '../processes/pool.ts';
import type { Reaper } from '../processes/reaper.ts';
import { runAsCommand } from './command.ts';
import { createContainers } from './container.ts';
import { invalidSetting } from './errors.ts';
import { createGpus, gpusOf, usesGpus } from './gpus.ts';
import { createSlots } from './slots.ts';
import type { StepRunner } from './step.ts';

export { type LeftVersions, noResult, sayingWhatWasLeft } from './errors.ts';
export { gpusOf } from './gpus.ts';
export { logModelFile } from './modelFile.ts';
export { collectReport } from './report.ts';
export { finite, onlyFile, readStepAnswer } from './result.ts';
export { type CommandSettings, extraStepSettings, type Ran, type StepCall, type StepRunner, textsOf } from './step.ts';

interface Parts {
  config: Config;
  reaper: Reaper;
  /** Processes for steps that compute, one for each slot. */
  pool: Pool;
  /** A process for proposals, which must not wait behind trials. */
  proposer: Pool;
}

/** A runner, and what it has open. */
export interface OpenStepRunner extends StepRunner {
  close(): Promise<void>;
}

export async function createStepRunner({ config: shared, reaper, pool, proposer }: Parts): Promise<OpenStepRunner> {
  const containers = createContainers(shared);
  const gpus = createGpus(() => gpusOf(shared.worker));
  const systems = { reaper, containers, slots: createSlots(), gpus, usesGpus: () => usesGpus(shared) };
  if (usesContainers(shared)) await containers.removeOrphans();
  return {
    async run(call) {
      const config = call.config ?? shared;
      if (call.settings) return await runAsCommand(systems, config, call.settings, call);
      if (call.step === 'judge') {
        const { step, input, logFile, signal, onProgress } = call;
        const timeoutMs = config.steps.suggest.timeout * 1000;
        return proposer.run({ step, input, logFile, signal, onProgress, timeoutMs });
      }
      if (call.step === 'extra') throw invalidSetting.noCommand('The extra step');
      const { command, skip, ...settings } = config.steps[call.step];
      const name = `steps.${call.step}`;
      if (command) return await runAsCommand(systems, config, { ...settings, command, name }, call);
      if (skip) throw invalidSetting.skipped(name);
      if (call.step === 'search') throw invalidSetting.noCommand(name);
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

/** Shows the log of each step on other hosts, while it runs and when its host is gone. */
export function withShippedLogs(runner: StepRunner, shipper: Pick<LogShipper, 'open'>): StepRunner {
  return {
    async run(call) {
      if (!call.origin) return await runner.run(call);
      const log = shipper.open(call.origin, call.logFile);
      try {
        const result = await runner.run(call);
        log.close('completed');
        return result;
      } catch (error) {
        log.close(call.signal.aborted ? 'cancelled' : 'failed', error instanceof Error ? error.message : String(error));
        throw error;
      }
    },
  };
}
