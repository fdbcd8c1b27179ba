import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PROJECT_ROOT } from '../config.ts';
import { table } from './tables.ts';

/** What `npm run bench -- NAME --save` keeps, by the name of the benchmark. */
const FILE = join(PROJECT_ROOT, 'bench', 'results', 'latest.json');
const Summary = z.strictObject({ median: z.number(), min: z.number(), max: z.number(), rounds: z.number() });
const Circumstances = z.object({
  measuredAt: z.string(),
  commit: z.string(),
  machine: z.string(),
  versions: z.string(),
});
type Figures = z.infer<typeof Circumstances>;

/** What writes the region of each benchmark that was measured: `retrainFigures`. */
export function figuresRegions(): Record<string, () => string> {
  if (!existsSync(FILE)) return {};
  const kept = z.record(z.string(), z.looseObject(Circumstances.shape)).parse(JSON.parse(readFileSync(FILE, 'utf8')));
  return Object.fromEntries(Object.entries(kept).map(([name, figures]) => [`${name}Figures`, () => tableOf(figures)]));
}

function tableOf({ measuredAt, commit, machine, versions, ...figures }: Figures): string {
  const when = `Measured on ${measuredAt.slice(0, 10)} at ${commit} on ${machine}; ${versions}.`;
  return `${when}\n\n${table(['figure', 'median (range; rounds)'], rowsOf(figures))}`;
}

/** A row for each summary and each number, named by the words of its path. */
function rowsOf(figures: object, path: readonly string[] = []): string[][] {
  return Object.entries(figures).flatMap(([name, value]) => {
    const here = [...path, words(name)];
    const { data } = Summary.safeParse(value);
    if (data) return [[here.join(', '), textOf(data)]];
    if (typeof value === 'object' && value !== null) return rowsOf(value, here);
    return [[here.join(', '), typeof value === 'number' ? grouped(value) : String(value)]];
  });
}

const textOf = ({ median, min, max, rounds }: z.infer<typeof Summary>) =>
  rounds === 1
    ? `${grouped(median)} (one round)`
    : `${grouped(median)} (${grouped(min)} to ${grouped(max)}; ${rounds})`;

const grouped = (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 4 });

/** `ratioToPlainScript` as "ratio to plain script"; a name of several capitals stays as it is. */
const words = (name: string) => name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
