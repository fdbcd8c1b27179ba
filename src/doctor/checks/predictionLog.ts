import { glob, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromRoot } from '../../config.ts';
import type { Check } from '../check.ts';
import { judgeOwnLog, judgePredictionLog, type LogState, type OwnLog } from '../judge/predictionLog.ts';
import { columnsOf, countRecords } from '../lib/csv.ts';
import { baseOf } from '../lib/http.ts';
import { inWords } from '../lib/words.ts';

/** Beyond this many rows their exact number says nothing more. */
const COUNT_LIMIT = 100_000;

/** The prediction log, from which drift is told, is there and long enough. */
export const predictionLogCheck: Check = {
  name: 'Prediction log',
  async run({ config }) {
    const { target, apiUrl } = config.deployment;
    const { minRows } = config.monitoring;
    if (config.monitoring.log) {
      return [judgeOwnLog(await ownLogOf(fromRoot(config, config.monitoring.log), minRows), minRows)];
    }
    if (target === 'none') return [];
    const folder = join(fromRoot(config, config.stack.dir), 'predictions');
    const predict = `POST records to ${baseOf(apiUrl)}/predict, such as the example that ${baseOf(apiUrl)}/schema gives`;
    const place = { folder, mounted: target === 'docker', predict, minRows };
    return [judgePredictionLog(await stateOf(folder), place)];
  },
};

async function ownLogOf(path: string, minRows: number): Promise<OwnLog> {
  const files = await filesOf(path);
  const [file] = files;
  const single = files.length === 1 && file !== undefined && /\.csv(\.gz)?$/.test(file);
  // More rows than that say nothing more.
  const rows = single ? await countRecords(file, Math.max(COUNT_LIMIT, minRows)) : null;
  return { path, files: files.length, rows };
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await exists(path))) return await matches(path);
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path);
  return names.filter((name) => /^[^.].*\.(csv|csv\.gz|parquet|pq)$/.test(name)).map((name) => join(path, name));
}

async function matches(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(pattern)) found.push(path);
  return found;
}

async function stateOf(folder: string): Promise<LogState> {
  const path = join(folder, 'predictions.csv');
  try {
    if (!(await exists(folder))) return { kind: 'noFolder' };
    if (!(await exists(path))) return { kind: 'noFile' };
    // A pipe would be waited for without end.
    if (!(await stat(path)).isFile()) return { kind: 'unreadable', reason: 'it is not a file' };
    const columns = await columnsOf(path);
    const rows = await countRecords(path, COUNT_LIMIT);
    return { kind: 'file', columns, rows, atLeast: rows === COUNT_LIMIT };
  } catch (error) {
    return { kind: 'unreadable', reason: inWords(error) };
  }
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
