import { Context } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import type { LogShipper, LogState, OpenLog } from '../../systems/logs/index.ts';
import { openLog } from '../../systems/processes/output.ts';
import { stepLog } from './stepLog.ts';

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
