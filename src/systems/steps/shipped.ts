import type { LogShipper } from '../logs/index.ts';
import type { StepRunner } from './step.ts';

/** Lets the log of each step be seen from other hosts, while it runs and when its host is gone. */
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
