import { type Finding, ok, problem, warning } from '../finding.ts';
import { counted } from '../lib/words.ts';

export interface QueueState {
  queue: string;
  /** What waits when nobody serves the queue. */
  waits: string;
  /** Role of the workers that serve it. */
  role: string;
  /** How long ago each of its workers asked for work last (ms). */
  pollerAges: readonly number[];
  /** Tasks that wait. */
  backlog: number;
  /** Whether workflows run, so that a worker may be too busy to ask for work. */
  busy: boolean;
}

/** A worker asks for work at least once a minute, unless all of its slots are taken (ms). */
const FRESH_MS = 90_000;

/** Whether somebody serves a task queue. Temporal remembers a worker for five minutes after it asked last. */
export function judgeQueue({ queue, waits, role, pollerAges, backlog, busy }: QueueState): Finding {
  const fresh = pollerAges.filter((age) => age <= FRESH_MS).length;
  const waiting = backlog > 0 ? `, ${counted(backlog, 'task')} waiting` : '';
  if (fresh > 0) return ok(`${queue}: ${counted(fresh, 'worker')}${waiting}`);
  const mend = `start one: MEDIWATCH_WORKER_ROLES=${role} npm run worker (with everything else: npm start)`;
  const seen =
    pollerAges.length > 0
      ? `its worker asked for work ${Math.round(Math.min(...pollerAges) / 1000)} s ago for the last time`
      : 'no worker has asked for work in the last five minutes';
  if (busy && role !== 'orchestration') {
    return warning(`${queue}: ${seen}; it is gone, or all of its slots are taken${waiting}`, mend);
  }
  return problem(`${queue}: ${seen}${waiting}; ${waits} wait for ever`, mend);
}
