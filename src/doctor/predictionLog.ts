import { glob, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromRoot } from '../config.ts';
import { causeText } from '../contracts/errors.ts';
import { type Finding, finding } from '../words/findings.ts';
import { cellsOf, columnsOf, countRecords, decoded, recordsOf } from './csv.ts';
import { baseOf } from './http.ts';
import type { Check } from './run.ts';

/** Beyond this many rows their exact number says nothing more. */
const COUNT_LIMIT = 100_000;
const NEEDED = ['event_id', 'ts', 'model_version', 'threshold'];
/** Of a regression a number, of others a probability and what follows from it. */
const PREDICTED = [['prediction'], ['prob', 'pred']];

/** The prediction log, by which drift is measured, is there and long enough. */
export const predictionLogCheck: Check = {
  name: 'Prediction log',
  async run({ config }) {
    const { target, apiUrl, command, contract } = config.deployment;
    const { minRows } = config.monitoring;
    if (config.monitoring.log)
      return [judgeOwnLog(await ownLogOf(fromRoot(config, config.monitoring.log), minRows), minRows)];
    if (target === 'none') return contract ? [finding('logNotKept', {})] : [];
    const folder = join(fromRoot(config, config.stack.dir), 'predictions');
    const place = { folder, isMounted: target === 'docker', apiUrl: baseOf(apiUrl), minRows };
    const state = await stateOf(folder, config.registry.registeredModel);
    const isForeign = contract !== undefined || command !== undefined;
    if (isForeign && (state.kind === 'noFolder' || state.kind === 'noFile')) return [finding('logNotKept', {})];
    return [judgePredictionLog(state, place)];
  },
};

/** What was found where the prediction log should be. */
type LogState =
  | { kind: 'noFolder' }
  | { kind: 'noFile' }
  | { kind: 'unreadable'; reason: string | null }
  | { kind: 'file'; columns: string[]; rows: number };

async function stateOf(folder: string, registeredModel: string): Promise<LogState> {
  const path = join(folder, 'predictions.csv');
  try {
    if (!(await exists(folder))) return { kind: 'noFolder' };
    if (!(await exists(path))) return { kind: 'noFile' };
    // A pipe would be waited for without end.
    if (!(await stat(path)).isFile()) return { kind: 'unreadable', reason: null };
    const columns = await columnsOf(path);
    return { kind: 'file', columns, rows: await rowsOf(path, columns.indexOf('registered_model'), registeredModel) };
  } catch (error) {
    return { kind: 'unreadable', reason: causeText(error) };
  }
}

/** The rows that the model predicted: those that name it, or none, as earlier ones do. */
async function rowsOf(path: string, column: number, registeredModel: string): Promise<number> {
  if (column < 0) return await countRecords(path, COUNT_LIMIT);
  let rows = -1;
  for await (const record of recordsOf(path)) {
    const named = cellsOf(decoded(record), ',')[column];
    if (rows < 0 || !named || named === registeredModel) rows++;
    if (rows === COUNT_LIMIT) break;
  }
  return Math.max(0, rows);
}

interface LogPlace {
  folder: string;
  /** Whether the API runs in a container, into which the folder is mounted. */
  isMounted: boolean;
  apiUrl: string;
  /** Rows that a window of a drift report must have. */
  minRows: number;
}

/** Tells a folder that is not mounted from a log without predictions and one with too few. */
export function judgePredictionLog(state: LogState, { folder, isMounted, apiUrl, minRows }: LogPlace): Finding {
  if (state.kind === 'noFolder') {
    return isMounted
      ? finding('logNotMounted', { folder })
      : finding('noPredictions', { missing: 'folder', folder, apiUrl });
  }
  if (state.kind === 'noFile') return finding('noPredictions', { missing: 'file', folder, apiUrl });
  if (state.kind === 'unreadable') return finding('logUnreadable', { folder, reason: state.reason });
  const { columns, rows } = state;
  const predicted = PREDICTED.map((names) => names.filter((name) => !columns.includes(name)));
  const missing = [
    ...NEEDED.filter((name) => !columns.includes(name)),
    ...(predicted.find(({ length }) => length === 0) ?? predicted.at(-1) ?? []),
  ];
  if (missing.length > 0) return finding('notAPredictionLog', { folder, missing });
  if (rows === 0) return finding('noPredictions', { missing: 'rows', folder, apiUrl });
  if (rows < minRows) return finding('tooFewPredictions', { rows, minRows, apiUrl });
  return finding('predictionsLogged', { rows, atLeast: rows === COUNT_LIMIT, path: join(folder, 'predictions.csv') });
}

/** What `monitoring.log` names: its files, and the rows if it is one CSV file. */
interface OwnLog {
  path: string;
  files: number;
  rows: number | null;
}

/** A log of the project's own may have any columns and be of many files, so only that it is there is checked. */
export function judgeOwnLog({ path, files, rows }: OwnLog, minRows: number): Finding {
  if (files === 0) return finding('ownLogMissing', { path });
  if (rows === null) return finding('predictionFilesThere', { files, path });
  return rows < minRows
    ? finding('ownLogShort', { path, rows, minRows })
    : finding('predictionsLogged', { rows, atLeast: false, path });
}

async function ownLogOf(path: string, minRows: number): Promise<OwnLog> {
  const files = await filesOf(path);
  const [file] = files;
  const isOneCsv = files.length === 1 && file !== undefined && /\.csv(\.gz)?$/.test(file);
  const rows = isOneCsv ? await countRecords(file, Math.max(COUNT_LIMIT, minRows)) : null;
  return { path, files: files.length, rows };
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await exists(path))) return await matching(path);
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path);
  return names.filter((name) => /^[^.].*\.(csv|csv\.gz|parquet|pq)$/.test(name)).map((name) => join(path, name));
}

async function matching(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(pattern)) found.push(path);
  return found;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
