import { findTemporal } from '../../setup/temporal/find.mjs';
import { launch } from '../../src/stack/launch.ts';
import { devServerAnswers, devServerArguments } from '../../src/stack/parts.ts';
import { freePort } from '../../src/systems/ports.ts';
import { createReaper } from '../../src/systems/processes/reaper.ts';
import { until } from './until.ts';

export interface TestTemporal {
  /** host:port of the frontend. */
  address: string;
  uiUrl: string;
  stop(): Promise<void>;
}

interface Options {
  dbFile?: string;
  codecUrl?: string;
}

/**
 * Starts a real dev server on free loopback ports. It ends with this process at the latest.
 *
 * @param options.dbFile keeps its state there; absent: in memory
 * @param options.codecUrl where its UI has payloads decrypted
 */
export async function startTemporal({ dbFile, codecUrl }: Options = {}): Promise<TestTemporal> {
  const program = await findTemporal(process.env);
  if (!program) throw new Error('The Temporal dev server is missing: run "npm test", which gets it.');
  const port = await freePort(new Set());
  const uiPort = await freePort(new Set([port]));
  const uiUrl = `http://127.0.0.1:${uiPort}`;
  const reaper = await createReaper();
  const command = [program, ...devServerArguments({ port, uiPort, dbFile, codecUrl })];
  const server = await launch({ command, env: {}, output: 'ignore', reaper });
  const stop = async () => {
    await server.kill(5_000);
    await reaper.close();
  };
  try {
    const what = 'the Temporal dev server to answer';
    await until(() => devServerAnswers(uiUrl, 'default'), { timeoutMs: 30_000, what });
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `127.0.0.1:${port}`, uiUrl, stop };
}
