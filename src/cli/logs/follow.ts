import { setTimeout as delay } from 'node:timers/promises';
import type { LogReader } from '../../systems/logs/index.ts';
import { MlflowError } from '../../systems/mlflow/index.ts';
import { type Cli, writeLine } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { WAS_RESET, waitForEnd } from '../follow/ending.ts';
import { describe, targetOf } from '../follow/target.ts';
import { withSession } from '../session.ts';
import { createGroups, createLinePrinter, isWanted, type LogsWanted, linesOf, noSuchLog } from './lines.ts';

const POLL_MS = 1_000;
/** Looking takes at most this share of the time, so that many who follow do not slow MLflow down. */
const POLL_SHARE = 0.2;
/** Workers ship what is new every second: so long after the end something may still come (ms). */
const SETTLED_AFTER_MS = 2_500;
/** A step that has not ended in the store so long after its workflow will not end there (ms). */
const GIVEN_UP_AFTER_MS = 10_000;
/** How long the store may be away before following gives up (ms). */
const AWAY_LIMIT_MS = 120_000;

/** Shows what there is, and what comes, until the workflow ends or the reader leaves. */
export async function followLogs(cli: Cli, reader: LogReader, wanted: LogsWanted): Promise<void> {
  const { workflowId, tail } = wanted;
  const { interrupted } = cli.io;
  const chosen = () => reader.entries().filter((entry) => isWanted(wanted, entry));
  const printer = createLinePrinter(cli, () => wanted.step !== undefined && chosen().length <= 1);
  const poll = createPoll(cli, async () => {
    const groups = createGroups(printer.print, poll.isFirst() ? tail : undefined);
    try {
      for await (const event of reader.news(interrupted)) {
        if (!isWanted(wanted, event.entry)) continue;
        for (const line of linesOf(event)) groups.add(line, reader.entries);
      }
    } finally {
      // Also when the store went away in between: what was read is not read again.
      if (!interrupted.aborted) groups.flush(chosen());
    }
  });

  const left = new AbortController();
  const asking = { ...cli, io: { ...cli.io, interrupted: AbortSignal.any([interrupted, left.signal]) } };
  let end: End | undefined;
  const asked = endOf(asking, workflowId, { wait: true }).then((answer) => {
    end = answer;
  });
  try {
    for (;;) {
      // Taken before the store is read: what was shipped before the end is then seen.
      const known = end;
      const startedAt = Date.now();
      await poll.look();
      interrupted.throwIfAborted();
      if (known && isOver(known, reader)) break;
      const pauseMs = Math.max(POLL_MS, (Date.now() - startedAt) * (1 / POLL_SHARE - 1));
      await pause(pauseMs, interrupted, known ? undefined : asked);
      interrupted.throwIfAborted();
    }
  } catch (error) {
    if (interrupted.aborted) {
      const lines = printer.count();
      cli.emit({ event: 'result', exitCode: EXIT.interrupted, workflowId, state: 'left', lines });
    }
    throw error;
  } finally {
    left.abort();
    await asked;
  }
  const ended = end as End;
  sayEnd(cli, ended, reader, wanted);
  const state = ended.kind === 'ended' ? ended.state : null;
  cli.emit({ event: 'result', exitCode: cli.exitCode, workflowId, state, lines: printer.count() });
}

/** Looks at the store; outlives one that is away for a while, once it has answered. */
function createPoll(cli: Cli, look: () => Promise<void>) {
  let answered = false;
  let awaySince: number | undefined;
  return {
    isFirst: () => !answered,
    async look(): Promise<void> {
      try {
        await look();
        answered = true;
        awaySince = undefined;
      } catch (error) {
        if (!answered || !(error instanceof MlflowError) || !error.retryable) throw error;
        if (awaySince === undefined) writeLine(cli.io.stderr, 'MLflow does not answer; waiting.');
        awaySince ??= Date.now();
        if (Date.now() - awaySince > AWAY_LIMIT_MS) throw error;
      }
    },
  };
}

/** Nothing more will come. */
function isOver(end: End, reader: LogReader): boolean {
  if (end.kind !== 'ended') return true;
  const since = Date.now() - end.at;
  const isRunning = reader.entries().some(({ state }) => state === 'running');
  return since > (isRunning ? GIVEN_UP_AFTER_MS : SETTLED_AFTER_MS);
}

function sayEnd({ io: { stderr } }: Cli, end: End, reader: LogReader, wanted: LogsWanted): void {
  const entries = reader.entries();
  if (end.kind === 'unknown' && entries.length === 0) throw end.error;
  if (entries.length > 0 && !entries.some((entry) => isWanted(wanted, entry))) throw noSuchLog(wanted, entries);
  if (end.kind === 'ended') writeLine(stderr, `${wanted.workflowId}: ${end.state.replaceAll('_', ' ')}.`);
  if (end.kind !== 'unknown') return;
  const known = end.error instanceof CommandError && end.error.exitCode === EXIT.usage;
  const why = known ? 'Temporal does not know this workflow any more' : 'Temporal does not answer';
  writeLine(stderr, `${why}, so that nobody can tell when it ends: this is what there is now. ${end.error.message}`);
}

/** Waits, but no longer than until the workflow has ended. */
async function pause(ms: number, interrupted: AbortSignal, ended: Promise<void> | undefined): Promise<void> {
  const over = new AbortController();
  const waiting = delay(ms, undefined, { signal: AbortSignal.any([interrupted, over.signal]) }).catch(() => undefined);
  await Promise.race([waiting, ...(ended ? [ended] : [])]);
  over.abort();
}

/** What Temporal says of a workflow's end. */
type End =
  /** At: Unix time (ms). */
  | { kind: 'ended'; state: string; at: number }
  | { kind: 'running' }
  /** Temporal is away, or has no workflow of this id (any more). */
  | { kind: 'unknown'; error: Error };

/**
 * Asks for the end of a workflow, and waits for it if that is wanted. Never throws: whoever reads logs needs Temporal
 * for nothing else.
 */
export async function endOf(cli: Cli, workflowId: string, { wait }: { wait: boolean }): Promise<End> {
  try {
    return await withSession(cli, async (session): Promise<End> => {
      const description = await describe(session, workflowId);
      const { closeTime, status } = description;
      if (closeTime)
        return { kind: 'ended', state: status.name.toLowerCase(), at: Math.min(closeTime.getTime(), Date.now()) };
      if (!wait) return { kind: 'running' };
      const ending = await waitForEnd(session, targetOf(description), cli.io.interrupted, () => sayReset(cli));
      return ending.state === 'left' ? { kind: 'running' } : { kind: 'ended', state: ending.state, at: Date.now() };
    });
  } catch (error) {
    return { kind: 'unknown', error: error as Error };
  }
}

function sayReset(cli: Cli): void {
  cli.emit({ event: 'notice', at: new Date().toISOString(), notices: [WAS_RESET] });
  writeLine(cli.io.stderr, WAS_RESET);
}
