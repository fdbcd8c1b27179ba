import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PROJECT_ROOT } from '../../src/config.ts';

export type Patient = Record<string, string>;

/** Columns of the real data that no request to the API carries. */
const NOT_SENT = new Set(['encounter_id', 'patient_nbr', 'readmitted']);

/** The records of the real data that pass, as the API takes them. */
export function patients(passes: (patient: Patient) => boolean): Patient[] {
  const [head = '', ...lines] = gunzipSync(readFileSync(join(PROJECT_ROOT, 'data/diabetic_data.csv.gz')))
    .toString()
    .trim()
    .split('\r\n');
  const names = head.split(',');
  // The file has no quoted field.
  return lines
    .map((line) => {
      const values = line.split(',');
      return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
    })
    .filter(passes)
    .map((patient) => Object.fromEntries(Object.entries(patient).filter(([name]) => !NOT_SENT.has(name))));
}

/** As many of them, evenly from the beginning to the end. */
export function spread<Item>(items: readonly Item[], count: number): Item[] {
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)] as Item);
}
