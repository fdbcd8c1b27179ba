import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Config, fromRoot } from '../../config.ts';
import { isAlive } from '../processes/isAlive.ts';

const allWork = (config: Config) => join(fromRoot(config, config.stack.dir), 'work');

/** The folder below which this process keeps the folders of its steps. */
export function ownWork(config: Config): string {
  return join(allWork(config), `${hostname()}-${process.pid}`);
}

/** Removes what workers of this host that are dead have left, copies of the project among it. */
export async function removeStaleWork(config: Config): Promise<void> {
  const names = await readdir(allWork(config)).catch(() => []);
  const stale = names.filter((name) => {
    const pid = name.startsWith(`${hostname()}-`) ? Number(name.slice(hostname().length + 1)) : Number.NaN;
    // Our own folder can only be of an earlier process with our id.
    return Number.isInteger(pid) && (pid === process.pid || !isAlive(pid));
  });
  for (const name of stale) await rm(join(allWork(config), name), { recursive: true, force: true });
  // Git keeps a note of each worktree; without a checkout there is none.
  if (stale.length > 0) await execa('git', ['worktree', 'prune'], { cwd: config.root, reject: false });
}
