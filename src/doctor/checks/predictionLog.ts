import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromRoot } from '../../config.ts';
import type { Check } from '../check.ts';
import { judgePredictionLog, type LogState } from '../judge/predictionLog.ts';
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
    if (target === 'none') return [];
    const folder = join(fromRoot(config, config.stack.dir), 'predictions');
    const predict = `POST records to ${baseOf(apiUrl)}/predict, such as the example that ${baseOf(apiUrl)}/schema gives`;
    return [judgePredictionLog(await stateOf(folder), { folder, mounted: target === 'docker', predict })];
  },
};

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
