import { createHash } from 'node:crypto';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../contracts/json.ts';
import { placeFile } from '../files.ts';
import { isAlive } from '../processes/isAlive.ts';
import { Closed, Opened } from './records.ts';

const Mark = z.object({
  opened: Opened,
  /** Bytes of the file that are of an earlier log. */
  base: z.number().int().nonnegative(),
  /** Null: it was open when this was written. */
  closed: Closed.nullable(),
});
/** Remembers a log that is not in the store as a whole. */
export type Mark = z.infer<typeof Mark>;

/** Marks on the disk, so that a worker ships what one before it could not, because it was killed or MLflow was away. */
export interface Marks {
  /** Where the mark of a log lies. */
  pathOf(opened: Opened): string;
  set(path: string, mark: Mark): Promise<void>;
  remove(path: string): Promise<void>;
  /** Marks that dead workers of this host left. */
  left(): Promise<Array<{ path: string; mark: Mark }>>;
}

/** @param folder shared by the workers of one state folder */
export function createMarks(folder: string): Marks {
  const own = `${hostname()}-${process.pid}`;

  return {
    pathOf({ workflowId, runId, log }) {
      const name = createHash('sha256').update(`${workflowId}\n${runId}\n${log}`).digest('hex').slice(0, 32);
      return join(folder, own, `${name}.json`);
    },

    async set(path, mark) {
      await placeFile(path, JSON.stringify(mark));
    },

    async remove(path) {
      await rm(path, { force: true });
      // The folder goes with its last mark; until then it is not empty.
      await rmdir(dirname(path)).catch(() => undefined);
    },

    async left() {
      const folders = (await readdir(folder).catch(() => [])).filter(isOfDead);
      const found = await Promise.all(folders.map((name) => marksIn(join(folder, name))));
      return found.flat();
    },
  };
}

/** Our own folder, too, when this process starts: it is of an earlier process with our id. */
function isOfDead(name: string): boolean {
  const pid = name.startsWith(`${hostname()}-`) ? Number(name.slice(hostname().length + 1)) : Number.NaN;
  return Number.isInteger(pid) && (pid === process.pid || !isAlive(pid));
}

async function marksIn(folder: string): Promise<Array<{ path: string; mark: Mark }>> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const marks = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const mark = Mark.safeParse(parseJson(await readFile(path, 'utf8').catch(() => '')));
      return mark.success ? { path, mark: mark.data } : [];
    }),
  );
  return marks.flat();
}
