import type { Notification } from '../../contracts/notifications.ts';

/** One target of notifications. */
export interface Channel {
  /**
   * Tries once.
   *
   * @param signal aborted when the time is over
   * @throws {DeliveryFailed} the target could not be told
   */
  deliver(notification: Notification, signal: AbortSignal): Promise<void>;
}

interface Reason {
  /** Whether it may go well when it is tried again at once. */
  retryable: boolean;
  /** The receiver asks for so much time before the next attempt (ms). */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** A target could not be told; the message says why and what to do, and names no secret. */
export class DeliveryFailed extends Error {
  override name = 'DeliveryFailed';
  readonly retryable: boolean;
  readonly retryAfterMs: number;

  constructor(message: string, { retryable, retryAfterMs = 0, cause }: Reason) {
    super(message, { cause });
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The value of a variable that a target names. */
export function secretOf(secrets: Readonly<Record<string, string>>, name: string): string {
  const value = secrets[name];
  if (value) return value;
  throw new DeliveryFailed(`The variable ${name} is not set. Set it where this process is started, and restart it.`, {
    retryable: false,
  });
}
