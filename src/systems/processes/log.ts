import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A log file that is open. */
export interface Log {
  /** Appends the lines, each with the time; resolves when the system has them, so that they survive this process. */
  write(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Longest line of a log (characters): a longer one goes on in the next line. */
export const LOG_LINE_LIMIT = 64 * 1024;

/** Opens a log for appending, and makes its folder when it is missing. */
export async function openLog(path: string): Promise<Log> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a');
  return {
    write: async (lines) => {
      if (lines.length === 0) return;
      const now = new Date().toISOString();
      await file.appendFile(lines.map((line) => `${now} ${line}\n`).join(''));
    },
    close: () => file.close(),
  };
}
