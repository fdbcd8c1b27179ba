import type { Config } from '../../config.ts';

/** Whether the bundled step prepares the data: their shape and their split are known; a command may do anything. */
export function isBundledData({ steps: { prepare } }: Config): boolean {
  return !prepare.command && !prepare.skip;
}
