import { setTimeout as delay } from 'node:timers/promises';
import type { Docker } from './client.ts';

/** Pause before a daemon that went away is asked again (ms). */
const RETRY_MS = 2_000;

interface FollowOptions {
  docker: Docker;
  /** Containers with this label are followed. */
  label: string;
  /** Called with the name of each container that has started, and with all of them when the daemon is (again) there. */
  onStart: (name: string) => Promise<void>;
  signal: AbortSignal;
}

/**
 * Watches containers start until the signal is aborted. Docker gives a container that it starts again, after a crash
 * or with its daemon, another address; whoever keeps addresses must be told. Nothing that fails ends the watch.
 */
export async function followStarts({ docker, label, onStart, signal }: FollowOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      // The stream is opened before the list is read, so that no start falls between the two.
      const starts = docker.starts(label, signal);
      const next = starts.next();
      next.catch(() => {});
      for (const { name } of await docker.labelled(label)) await onStart(name);
      for (let start = await next; !start.done; start = await starts.next()) await onStart(start.value);
    } catch {
      // The daemon or the gateway is away; the list is read again when they are back.
    }
    await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
