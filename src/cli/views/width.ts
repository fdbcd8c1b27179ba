import type { Output } from '../io.ts';

/** Width of a terminal (characters); what goes to a file or a pipe is not cut. */
export function widthOf({ isTTY, columns = 100 }: Output): number {
  return isTTY ? columns : Number.POSITIVE_INFINITY;
}
