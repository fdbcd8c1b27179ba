import { copyFile, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { DriftDocument } from '../../contracts/drift.ts';
import { uncompared } from '../driftDocument.ts';
import { onlyFile } from './result.ts';
import type { Ran } from './step.ts';

const REPORT = { what: 'report', setting: 'steps.monitor.outputs.file' };

interface Wanted {
  log: string;
  minRows: number;
  /** Folder of the attempt; a report in a copy of the project is kept there. */
  workDir: string;
}

/**
 * The drift report that a command wrote: what its result file says, or the JSON of `outputs.file`, or the one JSON in
 * `{output}`, with the HTML page beside it. Its exit code counts only without one: many monitors exit with 1 on drift. A
 * command that ends well without one because the log is too short has made an empty report.
 *
 * @throws {StepProblem} when there is no report although there are rows enough
 * @throws the command's own failure, when it left no report
 */
export async function collectReport(ran: Ran, { log, minRows, workDir }: Wanted): Promise<unknown> {
  if (ran.result !== undefined) return ran.result;
  const { file } = ran.settings.outputs;
  const json = await (file ? ran.written('file', file) : onlyFile(ran.output, '.json', REPORT)).catch(
    async (error: unknown) => {
      if (ran.failure) throw ran.failure;
      const rows = await rowsOf(log);
      if (rows !== undefined && Math.floor(rows / 2) < minRows) return rows;
      throw error;
    },
  );
  if (typeof json === 'number') return { document: tooShort(log, json, minRows) };
  const page = (await readdir(dirname(json))).find((name) => extname(name) === '.html');
  const kept = async (path: string) => {
    const copy = join(workDir, basename(path));
    if (copy !== path) await copyFile(path, copy);
    return copy;
  };
  return { report: await kept(json), ...(page && { html: await kept(join(dirname(json), page)) }) };
}

/** Rows of a CSV file below its header; undefined for anything else. */
async function rowsOf(log: string): Promise<number | undefined> {
  if (extname(log) !== '.csv') return undefined;
  const text = await readFile(log, 'utf8').catch(() => '');
  return Math.max(0, text.split('\n').filter((line) => line.trim() !== '').length - 1);
}

/** Older rows against newer ones is what such scripts compare. */
function tooShort(log: string, rows: number, minRows: number): DriftDocument {
  const told = { key: `too-few-rows/${rows}`, createdAt: null, tool: 'steps.monitor', minRows };
  return uncompared(told, { source: basename(log), rows: Math.floor(rows / 2), from: null, to: null });
}
