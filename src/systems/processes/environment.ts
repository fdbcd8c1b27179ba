import { environmentOf, type Need } from '../../../setup/environment.mjs';

// The rule itself is plain JavaScript, because set-up starts processes too.
export { environmentOf, variablesOf } from '../../../setup/environment.mjs';

/**
 * Options of execa for a process that gets an environment of its own instead of ours.
 *
 * @param more variables of this process
 */
export function ownEnvironment(needs: readonly Need[] = [], more: Readonly<Record<string, string>> = {}) {
  return { env: { ...environmentOf(needs), ...more }, extendEnv: false } as const;
}
