import { cpus, release, totalmem, type } from 'node:os';
import { execa } from 'execa';
import { BUNDLED_PYTHON, PROJECT_ROOT } from '../src/config.ts';

/** What several rounds measured: one noisy round is no figure. */
export interface Summary {
  median: number;
  min: number;
  max: number;
  rounds: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (index: number) => Number((sorted[index] ?? Number.NaN).toPrecision(3));
  const middle = (sorted.length - 1) / 2;
  const median = Number(((at(Math.floor(middle)) + at(Math.ceil(middle))) / 2).toPrecision(3));
  return { median, min: at(0), max: at(sorted.length - 1), rounds: sorted.length };
}

/** Of rounds that measured the same things, a summary of each. */
export function summaries<Name extends string>(rounds: ReadonlyArray<Record<Name, number>>): Record<Name, Summary> {
  const names = Object.keys(rounds[0] ?? {}) as Name[];
  return Object.fromEntries(names.map((name) => [name, summary(rounds.map((round) => round[name]))])) as Record<
    Name,
    Summary
  >;
}

/** Of two sides that were measured in turn, one by the other, round by round. */
export const ratio = (ours: readonly number[], theirs: readonly number[]): Summary =>
  summary(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));

/**
 * Calls each side once a round. Who goes first changes, so that a machine that warms up or is throttled favours neither.
 */
export async function inTurn(rounds: number, sides: ReadonlyArray<(round: number) => Promise<void>>): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side(round);
  }
}

/** What was measured, and on what. */
export async function circumstances() {
  const git = async (...args: string[]) => (await execa('git', args, { cwd: PROJECT_ROOT, reject: false })).stdout;
  const python = await execa(BUNDLED_PYTHON, ['--version'], { reject: false });
  const [cpu] = cpus();
  return {
    measuredAt: new Date().toISOString(),
    commit: `${await git('rev-parse', '--short', 'HEAD')}${(await git('status', '--porcelain')) ? ', changed' : ''}`,
    machine: `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    versions: `Node ${process.version.slice(1)}, ${python.stdout}, ${type()} ${release()}`,
  };
}

export const say = (text: string) => console.error(`[bench] ${text}`);
