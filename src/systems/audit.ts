import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { redactData } from '../config/redaction.ts';
import { type Config, fromRoot } from '../config.ts';
import { type AuditEvent, type AuditFinding, AuditLine, AuditMark } from '../contracts/audit.ts';
import { parseJson } from '../contracts/text.ts';
import { placeFile } from './files.ts';

/*
 * The audit log of a host: lines of JSON, each with the SHA-256 of the one before. Its head, a file beside it, says which
 * line was the last, so that a cut end is noticed too.
 */

export const auditFile = (config: Config) => join(fromRoot(config, config.stack.dir), 'audit.jsonl');
const headOf = (file: string) => `${file}.head`;
const START: AuditMark = { seq: 0, sha256: '0'.repeat(64) };
const sha256 = (line: string) => createHash('sha256').update(line).digest('hex');

export interface AuditLog {
  /** Writes an event once for its key. Null: it could not be written, and is tried again with the next one. */
  append(event: AuditEvent): Promise<AuditMark | null>;
}

/** Events that are kept in memory while the disk takes none. */
const MOST_UNWRITTEN = 1_000;

/**
 * @param failed called when an event could not be written. Nothing waits for the log: a full disk must not leave a
 *   promotion half done, nor keep anybody from rolling back
 */
export function createAuditLog(file: string, failed: (event: AuditEvent, error: unknown) => void): AuditLog {
  const unwritten: AuditEvent[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  async function write(event: AuditEvent): Promise<AuditMark | null> {
    const isKept = unwritten.length < MOST_UNWRITTEN && !unwritten.some(({ key }) => key === event.key);
    if (isKept) unwritten.push(redactData(event));
    try {
      return await locked(file, async () => {
        let mark: AuditMark | null = null;
        for (let next = unwritten[0]; next; next = unwritten[0]) {
          mark = await appendTo(file, next);
          unwritten.shift();
        }
        return mark;
      });
    } catch (error) {
      failed(event, error);
      return null;
    }
  }
  return {
    append(event) {
      const mine = turn.then(() => write(event));
      turn = mine;
      return mine;
    },
  };
}

async function appendTo(file: string, event: AuditEvent): Promise<AuditMark> {
  const head = await readHead(file);
  const handle = await open(file, 'a+', 0o600);
  try {
    const text = await handle.readFile('utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const size = Buffer.byteLength(whole);
    // What a write that broke off has left was never confirmed to anybody.
    if (whole.length < text.length) await handle.truncate(size);
    const lines = whole.split('\n').slice(0, -1);
    const known = lines.find((line) => line.includes(`"key":${JSON.stringify(event.key)},`));
    if (known) return { seq: seqOf(known) ?? 0, sha256: sha256(known) };

    // The head goes before the file: what was cut or changed since is not made good by the next line.
    const end = lines.at(-1);
    const last = end === undefined ? START : { seq: seqOf(end) ?? lines.length, sha256: sha256(end) };
    const { seq, sha256: previous } = head && head.seq >= last.seq ? head : last;
    const line = JSON.stringify({ seq: seq + 1, previous, ...event } satisfies AuditLine);
    try {
      await handle.appendFile(`${line}\n`);
      await handle.sync();
    } catch (error) {
      await handle.truncate(size).catch(() => undefined);
      throw error;
    }
    const mark = { seq: seq + 1, sha256: sha256(line) };
    // A line without a head is a line all the same: the next one brings the head up to date.
    await placeFile(headOf(file), JSON.stringify(mark), { mode: 0o600 }).catch(() => undefined);
    return mark;
  } finally {
    await handle.close();
  }
}

const seqOf = (line: string) => AuditLine.safeParse(parseJson(line)).data?.seq;

async function readHead(file: string): Promise<AuditMark | null> {
  const text = await readFile(headOf(file), 'utf8').catch(() => undefined);
  return AuditMark.safeParse(parseJson(text)).data ?? null;
}

/** Far longer than a line takes to write: whoever made the lock was killed. */
const STALE_MS = 10_000;
/** Nothing waits longer: an event that waits is kept and goes with the next one. */
const PATIENCE_MS = 15_000;

/** Workers of one host write one log, in containers too, where ids of processes say nothing. */
async function locked<Result>(file: string, body: () => Promise<Result>): Promise<Result> {
  const lock = `${file}.lock`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await (await open(lock, 'wx', 0o600)).close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const made = await stat(lock).catch(() => undefined);
      if (made && Date.now() - made.mtimeMs > STALE_MS) await rm(lock, { force: true });
      else if (Date.now() > until) throw error;
      else await delay(20);
    }
  }
  try {
    return await body();
  } finally {
    await rm(lock, { force: true });
  }
}

/** The log as it stands, and what is wrong with it. */
export interface ReadAudit {
  lines: AuditLine[];
  findings: AuditFinding[];
  /** The last line; stands for the whole log where somebody notes it down. */
  mark: AuditMark;
}

/** @param known SHA-256 of a line that somebody noted down: it must be there still */
export async function readAudit(file: string, known?: string): Promise<ReadAudit> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return examine(text, await readHead(file), known);
}

function examine(text: string, head: AuditMark | null, known: string | undefined): ReadAudit {
  const raw = text.split('\n');
  const torn = raw.pop() ?? '';
  const lines: AuditLine[] = [];
  const findings: AuditFinding[] = [];
  const hashes = new Map<number, string>();
  let before = START;
  for (const [index, text] of raw.entries()) {
    const line = index + 1;
    const { data } = AuditLine.safeParse(parseJson(text));
    if (!data) findings.push({ code: 'unreadable', line });
    else if (data.seq > before.seq + 1) {
      findings.push({ code: 'removed', line, from: before.seq + 1, to: data.seq - 1 });
    } else if (data.seq <= before.seq) findings.push({ code: 'inserted', line });
    else if (data.previous !== before.sha256) findings.push({ code: 'changed', line: Math.max(index, 1) });
    before = { seq: data?.seq ?? before.seq + 1, sha256: sha256(text) };
    hashes.set(before.seq, before.sha256);
    if (data) lines.push(data);
  }
  if (torn !== '') findings.push({ code: 'torn', line: raw.length + 1 });
  if (!head && raw.length > 0) findings.push({ code: 'headMissing' });
  if (head && head.seq > before.seq) findings.push({ code: 'cut', from: before.seq + 1, to: head.seq });
  if (head && head.seq === before.seq && head.sha256 !== before.sha256)
    findings.push({ code: 'changed', line: raw.length });
  if (known !== undefined && ![...hashes.values()].includes(known))
    findings.push({ code: 'unknownMark', sha256: known });
  return { lines, findings, mark: before };
}
