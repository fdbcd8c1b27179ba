import type { Backend } from '../../../src/systems/artifacts/index.ts';
import { createLogReader, type LogEvent, type LogOrigin } from '../../../src/systems/logs/index.ts';

export const ORIGIN: LogOrigin = {
  workflowId: 'nightly 1/hyperparameterSearch',
  runId: 'aaaaaaaa-1',
  workflow: 'hyperparameterSearch',
  step: 'trial-7',
  activityId: '12',
  attempt: 1,
};

/** All that the store tells of a workflow now. */
export async function readAll(backend: Backend, workflowId: string) {
  const reader = createLogReader(backend, workflowId);
  const events: LogEvent[] = [];
  for await (const event of reader.news(new AbortController().signal)) events.push(event);
  return { events, entries: reader.entries(), lines: linesOf(events) };
}

function linesOf(events: readonly LogEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'lines' ? event.lines : []));
}
