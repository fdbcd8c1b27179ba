import { setTimeout as delay } from 'node:timers/promises';
import { type LivingProcess, type Member, membersOf, type ProcessTree, processTable } from './processTable.ts';

/** Time between SIGTERM and SIGKILL when nothing else is asked for (ms). */
export const DEFAULT_GRACE_MS = 2_000;

/** Pause between two looks at what is still alive (ms). */
const POLL_MS = 25;

/**
 * Ends a process group and every process that carries its tag, and resolves only when all of them are gone.
 * A defunct process counts as gone: it runs nothing, and only its parent can remove it.
 *
 * SIGTERM goes to the group and to tagged processes that left it, and only when they are gone to their descendants: a
 * parent that ends in good order ends its own. SIGKILL goes to all.
 *
 * @param options.pgid the group
 * @param options.tag value of `MEDIWATCH_PROCESS_TAG` in the group's environment
 * @param options.graceMs how long it may take to end by itself after SIGTERM (ms)
 */
export function killTree({ pgid, tag, graceMs }: { pgid: number; tag: string; graceMs: number }): Promise<void> {
  return killTrees([{ pgid, tag }], graceMs);
}

/** Ends several trees at once; they share the time of grace. */
export async function killTrees(trees: readonly ProcessTree[], graceMs: number): Promise<void> {
  const seen = new Set<string>();
  const living = async () => membersOf(await persistentTable(), trees, seen);

  let members = await living();
  send(
    'SIGTERM',
    members.filter((member) => member.own),
    trees,
  );
  const deadline = performance.now() + graceMs;
  let askedAll = false;
  while (members.length > 0) {
    await delay(POLL_MS);
    members = await living();
    if (!askedAll && !members.some((member) => member.own)) {
      send('SIGTERM', members, trees);
      askedAll = true;
    }
    // Again in each round: a process may have forked between the look and the signal.
    if (performance.now() >= deadline) send('SIGKILL', members, trees);
  }
}

/** What the system may lack for a while; what runs must be ended all the same. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];

async function persistentTable(): Promise<LivingProcess[]> {
  for (;;) {
    try {
      return await processTable();
    } catch (error) {
      if (!SHORTAGES.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      await delay(POLL_MS);
    }
  }
}

/** Signals whole groups at once, so that no fork escapes, and the members outside of them one by one. */
function send(signal: NodeJS.Signals, members: readonly Member[], trees: readonly ProcessTree[]): void {
  const pgids = new Set(trees.map((tree) => tree.pgid));
  const groups = new Set(members.map((member) => member.pgid).filter((pgid) => pgids.has(pgid)));
  for (const pgid of groups) signalOne(-pgid, signal);
  for (const { pid, pgid } of members) if (!groups.has(pgid)) signalOne(pid, signal);
}

function signalOne(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch (error) {
    // ESRCH: it is gone. EPERM: macOS says so of a group of defunct processes; a living one is found again.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
