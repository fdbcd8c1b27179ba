import type { LivingProcess } from './processTable.ts';

/** All that one command started: its process group, and whatever carries its tag. */
export interface ProcessTree {
  /** Process group, which is the pid of its first process; absent: only the tag counts. */
  pgid?: number;
  /** Value of `MEDIWATCH_PROCESS_TAG`; `a` covers `a` and `a/…`. */
  tag: string;
}

/** A process of a tree. */
export interface Member extends LivingProcess {
  /** In the group or tagged, and not only started by one that is. */
  own: boolean;
}

/**
 * Picks the processes of some trees from a table: those in the groups, those with the tags (they may have left the
 * group with setsid), and all that descend from them (they may have cleaned their environment as well).
 *
 * @param seen processes found by an earlier call, which count although their parents are gone since; is added to
 */
export function membersOf(
  table: readonly LivingProcess[],
  trees: readonly ProcessTree[],
  seen = new Set<string>(),
): Member[] {
  const members = new Map<number, Member>();
  const others = table.filter((one) => one.pid !== process.pid);
  for (const one of others) {
    const own = trees.some((tree) => one.pgid === tree.pgid || covers(tree.tag, one.tag));
    if (own || seen.has(identity(one))) members.set(one.pid, { ...one, own });
  }
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const one of others) {
      if (!members.has(one.pid) && members.has(one.ppid)) members.set(one.pid, { ...one, own: false });
    }
  }
  for (const member of members.values()) seen.add(identity(member));
  return [...members.values()];
}

function covers(tag: string, candidate: string | undefined): boolean {
  return candidate === tag || candidate?.startsWith(`${tag}/`) === true;
}

function identity({ pid, start }: LivingProcess): string {
  return `${pid} ${start}`;
}
