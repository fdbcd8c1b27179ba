import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** How many logs of earlier starts are kept beside the current one. */
const KEPT = 3;
/** How much of a log's end is read (bytes). */
const TAIL_BYTES = 64 * 1024;

export interface Log {
  path: string;
  /** File descriptor that processes write to. */
  fd: number;
  /** What was written since a position, or its end when that is much. */
  since(position: number): string;
  /** Its size now (bytes). */
  position(): number;
  close(): void;
}

/** Opens `<name>.log` for a start: the one of the start before becomes `<name>.1.log`, and so on. */
export function openLog(folder: string, name: string): Log {
  mkdirSync(folder, { recursive: true });
  const nameOf = (age: number) => join(folder, age === 0 ? `${name}.log` : `${name}.${age}.log`);
  for (let age = KEPT - 1; age >= 0; age -= 1) {
    if (existsSync(nameOf(age))) renameSync(nameOf(age), nameOf(age + 1));
  }
  const path = nameOf(0);
  const fd = openSync(path, 'a+');
  const position = () => fstatSync(fd).size;
  return {
    path,
    fd,
    position,
    since(from) {
      const start = Math.max(from, position() - TAIL_BYTES);
      const buffer = Buffer.alloc(position() - start);
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, start));
    },
    close: () => closeSync(fd),
  };
}
