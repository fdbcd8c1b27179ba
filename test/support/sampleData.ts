import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PROJECT_ROOT } from '../../src/config.ts';

/**
 * Writes the first rows of the real data to a folder, for tests whose promise is not about the model.
 *
 * @returns path of the CSV
 */
export function sampleData(folder: string, rows = 4_000): string {
  const whole = gunzipSync(readFileSync(join(PROJECT_ROOT, 'data/diabetic_data.csv.gz'))).toString();
  const path = join(folder, 'sample.csv');
  writeFileSync(path, `${whole.split('\n', rows + 1).join('\n')}\n`);
  return path;
}
