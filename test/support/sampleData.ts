import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PROJECT_ROOT } from '../../src/config.ts';

interface Sample {
  rows?: number;
  /** Exchange the two commonest labels, so that a model of these data predicts quite otherwise. */
  swapped?: boolean;
}

/**
 * Writes the first rows of the real data to a folder, for tests whose promise is not about the model.
 *
 * @returns path of the CSV
 */
export function sampleData(folder: string, { rows = 4_000, swapped = false }: Sample = {}): string {
  const whole = gunzipSync(readFileSync(join(PROJECT_ROOT, 'data/diabetic_data.csv.gz'))).toString();
  const lines = whole.split('\r\n', rows + 1).map((line) => (swapped ? swapLabel(line) : line));
  const path = join(folder, swapped ? 'swapped.csv' : 'sample.csv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** The label is the last column of a row. */
function swapLabel(line: string): string {
  if (line.endsWith(',NO')) return line.replace(/,NO$/, ',<30');
  return line.replace(/,<30$/, ',NO');
}
