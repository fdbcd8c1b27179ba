import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';

/** Size at which a log is put aside as `….log.1` (bytes), so that one instance takes at most twice this. */
const ROTATE_BYTES = 20 * 1024 * 1024;
/** What `logTail` gives (characters). */
const TAIL_CHARACTERS = 4_000;
/** Logs of earlier instances that are kept. */
const KEEP_LOGS = 5;

/** A bounded log file that also remembers its end. */
interface InstanceLog extends Writable {
  readonly file: string;
  tail(): string;
}

/** Path of the log of an instance: the version and key with what a file name cannot hold replaced. */
export function logFileOf(folder: string, { version, key }: { version: string; key: string }): string {
  return join(
    folder,
    `api-${version}-${key}`
      .replaceAll(/[^\w.@+~-]/g, '_')
      .slice(0, 200)
      .concat('.log'),
  );
}

/**
 * Opens the log of an instance for appending.
 *
 * @param rotateBytes size at which it is put aside
 */
export function openInstanceLog(file: string, rotateBytes = ROTATE_BYTES): InstanceLog {
  let end = '';
  // Written synchronously: an API logs little, and after a crash the last line is the one that matters.
  const append = (chunk: Buffer) => {
    try {
      const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      if (bytes > 0 && bytes + chunk.length > rotateBytes) renameSync(file, `${file}.1`);
      appendFileSync(file, chunk);
    } catch {
      // A full disk must not stop the API that answers requests: its log is lost, its tail is not.
    }
  };
  const log = new Writable({
    write(chunk: Buffer, _encoding, done) {
      end = (end + chunk.toString('utf8')).slice(-TAIL_CHARACTERS);
      append(chunk);
      done();
    },
  });
  append(Buffer.alloc(0));
  return Object.assign(log, { file, tail: () => end });
}

/** Makes the folder, and removes its oldest instance logs apart from those in use. On a full disk it stays as it is. */
export function pruneInstanceLogs(folder: string, inUse: ReadonlySet<string>, keep = KEEP_LOGS): void {
  try {
    mkdirSync(folder, { recursive: true });
    const old = readdirSync(folder)
      .filter((name) => /^api-.*\.log$/.test(name))
      .map((name) => join(folder, name))
      .filter((file) => !inUse.has(file))
      .map((file) => ({ file, at: statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .sort((one, other) => other.at - one.at)
      .slice(keep);
    for (const { file } of old) {
      rmSync(file, { force: true });
      rmSync(`${file}.1`, { force: true });
    }
  } catch {
    // Logs are no reason not to start an API.
  }
}
