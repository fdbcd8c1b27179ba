import { join } from 'node:path';
import type { Config } from '../config.ts';
import { answers } from './http.ts';
import type { Part, PartContext } from './part.ts';

export interface DevServer {
  port: number;
  uiPort: number;
  /** Where its state is kept; absent: in memory. */
  dbFile?: string | undefined;
}

/**
 * How often a shard looks for tasks, 20 times a second by default: meant for thousands of shards, where the dev server
 * has one. Each step of a workflow waited up to 50 ms for its turn; a retrain of 20 trials has a hundred.
 */
const POLLS_PER_SECOND = 1_000;
const QUEUES = ['transfer', 'timer', 'visibility'];

/** Arguments of a Temporal dev server that listens on loopback only. */
export function devServerArguments({ port, uiPort, dbFile }: DevServer): string[] {
  // Signals and parallel activities run 3.5 times faster with this journal than with the default one, and the state
  // survives kill -9.
  const pragmas = ['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'];
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--ui-ip', '127.0.0.1', '--log-level', 'warn'],
    ...QUEUES.flatMap((queue) => ['--dynamic-config-value', `history.${queue}ProcessorMaxPollRPS=${POLLS_PER_SECOND}`]),
    ...['--port', String(port), '--ui-port', String(uiPort)],
    ...(dbFile ? ['--db-filename', dbFile, ...pragmas] : []),
  ];
}

/** Whether the server and its UI answer; the UI asks the server, and the namespace is made last. */
export function devServerAnswers(uiUrl: string, namespace: string): Promise<boolean> {
  return answers(`${uiUrl}/api/v1/namespaces/${encodeURIComponent(namespace)}`);
}

/** The Temporal dev server with its UI. */
export function temporalPart({ stack, temporal }: Config, { dir, temporal: program }: PartContext): Part {
  const { temporalPort: port, temporalUiPort: uiPort } = stack;
  const server = devServerArguments({ port, uiPort, dbFile: join(dir, 'temporal.db') });
  return {
    name: 'temporal',
    title: 'Temporal',
    ports: [
      { port, setting: 'stack.temporalPort' },
      { port: uiPort, setting: 'stack.temporalUiPort' },
    ],
    after: [],
    command: [program, ...server, '--namespace', temporal.namespace],
    env: {},
    isReady: () => devServerAnswers(`http://127.0.0.1:${uiPort}`, temporal.namespace),
    startTimeoutMs: 60_000,
    stopGraceMs: 5_000,
  };
}
