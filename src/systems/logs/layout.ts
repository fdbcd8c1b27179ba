import { createHash } from 'node:crypto';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../artifacts/index.ts';

/** Where all logs lie in the artifact store: in MLflow, below the folder of the experiment. */
const LOGS_ROOT = 'mediwatch/logs';

/** Longest part of a workflow id that is a folder's name as it is (characters): file systems take 255 bytes. */
const LONGEST_NAME = 180;

/**
 * Folder of a workflow's logs. What is below the id of another workflow, as the stages of a retrain are, lies below
 * the folder of that workflow, so that one folder holds all of a retrain.
 */
export function workflowFolder(workflowId: string): string {
  return [LOGS_ROOT, ...workflowId.split('/').map(folderName)].join('/');
}

/** Folder of the segments of one run of a workflow. No id is encoded to such a name. */
export function runFolder(workflowId: string, runId: string): string {
  return `${workflowFolder(workflowId)}/${RUN}${runId.slice(0, 8)}`;
}

const RUN = '~run-';

export function isRunFolder(name: string): boolean {
  return name.startsWith(RUN);
}

/**
 * A part of an id as a name that every store and file system takes, and that is not decoded on its way: MLflow's
 * server decodes percent signs until none is left.
 */
function folderName(part: string): string {
  const safe = part.replace(/[^\w.-]|^\.+$|^$/g, (text) => [...Buffer.from(text || '/')].map(hex).join(''));
  if (safe.length <= LONGEST_NAME) return safe;
  const digest = createHash('sha256').update(part).digest('hex').slice(0, 16);
  return `${safe.slice(0, LONGEST_NAME)}~~${digest}`;
}

const hex = (byte: number) => `~${byte.toString(16).padStart(2, '0')}`;

interface Segment {
  /** When its worker began to ship (Unix time, ms); older segments sort before newer ones. */
  at: number;
  /** Names the process that wrote it. */
  writer: string;
  /** Counts up, from 1. */
  number: number;
}

/** Name of a segment; names sort by time, and those of one writer by number. */
export function segmentName({ at, writer, number }: Segment): string {
  return `${at}-${writer}-${String(number).padStart(7, '0')}.jsonl`;
}

/** Reads such a name; undefined for what is none. */
export function parseSegmentName(name: string): Segment | undefined {
  const [, at, writer, number] = /^(\d{13})-([0-9a-f]+)-(\d+)\.jsonl$/.exec(name) ?? [];
  return writer === undefined ? undefined : { at: Number(at), writer, number: Number(number) };
}

interface Kept {
  /** Absent: only this host's files. */
  backend?: Backend | undefined;
  /** Folders of this host whose files are logs or marks, each in a folder of its own. */
  folders: readonly string[];
  /** What was not written since then goes (Unix time, ms). */
  before: number;
  signal: AbortSignal;
}

/** Removes old logs from this host and from the store. Several workers may do so at once. */
export async function removeOldLogs({ backend, folders, before, signal }: Kept): Promise<void> {
  for (const folder of folders) await removeOldFiles(folder, before);
  if (backend) await removeOldRuns(backend, LOGS_ROOT, before, signal);
}

async function removeOldFiles(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const inner = join(folder, name);
    for (const file of await readdir(inner).catch(() => [])) {
      const path = join(inner, file);
      const status = await stat(path).catch(() => undefined);
      if (status?.isFile() && status.mtimeMs < before) await rm(path, { force: true });
    }
    // Only an empty folder can be removed so.
    await rmdir(inner).catch(() => undefined);
  }
}

/** Removes the runs below a folder that wrote nothing since then; tells whether nothing is left in the folder. */
async function removeOldRuns(backend: Backend, folder: string, before: number, signal: AbortSignal): Promise<boolean> {
  const listed = await backend.list(folder, { signal });
  let left = listed.length;
  for (const { name } of listed.filter(({ isDirectory }) => isDirectory)) {
    const path = `${folder}/${name}`;
    const goes = isRunFolder(name)
      ? (await newestIn(backend, path, signal)) < before
      : await removeOldRuns(backend, path, before, signal);
    if (!goes) continue;
    await backend.removeFolder(path, { signal });
    left -= 1;
  }
  return left === 0;
}

/** When a run last shipped something (Unix time, ms); infinity for what holds no logs. */
async function newestIn(backend: Backend, folder: string, signal: AbortSignal): Promise<number> {
  const listed = await backend.list(folder, { signal });
  const times = listed.flatMap(({ name }) => parseSegmentName(name)?.at ?? []);
  return times.length > 0 ? Math.max(...times) : Number.POSITIVE_INFINITY;
}
