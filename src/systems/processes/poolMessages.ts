import { z } from 'zod';
import { StepFailure } from '../../contracts/steps.ts';

/** Longest line of a warm process (characters). */
export const MESSAGE_LIMIT = 10 * 1024 * 1024;

const Fields = z.record(z.string(), z.unknown());

/** A line that a warm process writes to stdout: once that it is ready, then what becomes of each task. */
const Message = z.union([
  z.object({ ready: z.literal(true) }).transform(() => ({ kind: 'ready' as const })),
  z
    .object({ id: z.string(), progress: Fields })
    .transform(({ id, progress }) => ({ kind: 'progress' as const, id, progress })),
  z.object({ id: z.string(), result: Fields }).transform(({ id, result }) => ({ kind: 'result' as const, id, result })),
  z
    .object({ id: z.string(), error: StepFailure })
    .transform(({ id, error }) => ({ kind: 'error' as const, id, error })),
]);
export type Message = z.infer<typeof Message>;

/** A line that a warm process reads from stdin. */
export type Request = { id: string; step: string; input: unknown } | { warm: readonly string[] };

/** Reads one line; undefined when it is not part of the protocol. */
export function parseMessage(line: string): Message | undefined {
  if (line.length >= MESSAGE_LIMIT) return undefined;
  try {
    return Message.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
