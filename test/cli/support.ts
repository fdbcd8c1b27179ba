import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { execa } from 'execa';
import { main } from '../../src/cli/main.ts';
import { PROJECT_ROOT } from '../../src/config.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { until } from '../support/until.ts';

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

interface World {
  env?: Record<string, string>;
  cwd?: string;
  interrupted?: AbortSignal;
  /** Sees each piece of stdout as it comes. */
  onOut?: (text: string) => void;
}

/** An address where nothing listens. */
export const NOWHERE = '127.0.0.1:1';

/** Runs the command in this process, with settings from `env` alone. */
export async function mediwatch(args: string[], world: World = {}): Promise<Outcome> {
  const stdout = memory(world.onOut);
  const stderr = memory();
  const code = await main(args, {
    stdout,
    stderr,
    env: world.env ?? { TEMPORAL_ADDRESS: NOWHERE },
    cwd: world.cwd ?? PROJECT_ROOT,
    interrupted: world.interrupted ?? new AbortController().signal,
  });
  return { code, out: stdout.text(), err: stderr.text() };
}

/** A stream that keeps what was written. */
export function memory(onText: (text: string) => void = () => undefined) {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      onText(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { text: () => text });
}

/** Runs the command as people do: a process of its own. */
export function spawnMediwatch(args: string[], env: Record<string, string>, cwd = PROJECT_ROOT) {
  const options = { cwd, env, reject: false, timeout: 45_000 } as const;
  return execa(process.execPath, [join(PROJECT_ROOT, 'src/client.ts'), ...args], options);
}

/** Every line of JSON in a text. */
export function jsonLines(text: string): Array<Record<string, unknown>> {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Serves the workflows of fixtures/workflows.ts under the names of the real ones. */
export async function startFakes(address: string) {
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue: TASK_QUEUES.orchestration,
    workflowsPath: fileURLToPath(new URL('fixtures/workflows.ts', import.meta.url)),
  });
  const running = worker.run();
  return {
    async stop() {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

/**
 * Resets a workflow that runs to its last point, as the UI does.
 *
 * @returns the run that goes on
 */
export async function resetRunning(client: Client, workflowId: string): Promise<string> {
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  // A run that was just reset has completed no task yet.
  const point = async () => {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    return events?.findLast((event) => event.workflowTaskCompletedEventAttributes)?.eventId;
  };
  const eventId = await until(point, { timeoutMs: 20_000, what: `a point of ${workflowId} to reset to` });
  const answer = await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    reason: 'by the test',
    requestId: `reset-${runId}`,
    workflowTaskFinishEventId: eventId,
  });
  return answer.runId;
}
