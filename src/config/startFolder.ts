import { PROJECT_ROOT } from '../config.ts';
import type { Environment } from './environment.ts';

/** Scripts of our `package.json` that read `mediwatch.yaml` on behalf of whoever calls them. */
const SCRIPTS = ['start', 'worker'];

/**
 * The folder in which somebody typed the command that runs here. npm starts its scripts in the folder of `package.json`
 * and leaves the other one in `INIT_CWD`. What npm started starts others, which have these variables as well: only a
 * process in the project's own folder was moved there.
 *
 * @param cwd folder in which this process runs
 */
export function startFolder(env: Environment, cwd: string): string {
  const isMoved = SCRIPTS.includes(env.npm_lifecycle_event ?? '') && cwd === PROJECT_ROOT;
  return isMoved ? (env.INIT_CWD ?? cwd) : cwd;
}
