import { createHash } from 'node:crypto';

/** Where all logs lie in the artifact store. */
export const LOGS_ROOT = 'mediwatch/logs';

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
