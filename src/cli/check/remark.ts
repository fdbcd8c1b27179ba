import { inLines, type Problem, placeless } from '../../config/problems.ts';
import type { Located } from '../../config.ts';
import { type Path, pathText } from '../../contracts/schemas.ts';
import type { Style } from '../cli.ts';

/** What the check has to say of a setting, or of what is around the project. */
export interface Remark extends Problem {
  /** `problem`: it cannot work; `warning`: it may not, or not from here. */
  level: 'problem' | 'warning';
}

/** Where the settings of a step stand: on its own, or in what `models` says of a model. */
export interface Spot {
  placeOf: Located['placeOf'];
  path: Path;
}

export function remark(level: Remark['level'], { placeOf, path }: Spot, below: Path, message: string): Remark {
  const whole = [...path, ...below];
  return { level, ...placeOf(whole), path: pathText(whole), message };
}

/** Of what is around the project, and stands on no line. */
export function warningOf(what: string, message: string): Remark {
  return { level: 'warning', ...placeless(null), path: what, message };
}

export const asProblem = (problem: Problem): Remark => ({ level: 'problem', ...problem });

/** What is wrong comes first, in the order of the file; then what is only warned of. */
export function inOrder(remarks: readonly Remark[]): Remark[] {
  const rank = ({ level, line }: Remark) => (level === 'problem' ? 0 : 1e9) + (line ?? 1e8);
  return remarks.toSorted((a, b) => rank(a) - rank(b));
}

/** Several models share steps: what is wrong with one is told once. */
export function withoutRepeats(remarks: readonly Remark[]): Remark[] {
  const key = ({ path, message, variable }: Remark) => `${variable} ${path}: ${message}`;
  return [...new Map(remarks.map((one) => [key(one), one])).values()];
}

export function remarkLines(one: Remark, cwd: string, style: Style): string[] {
  const [first = '', ...rest] = inLines(one, cwd).split('\n');
  const mark = one.level === 'problem' ? style('red', 'problem') : style('yellow', 'warning');
  return [`${mark}  ${first}`, ...rest.map((line) => style('dim', line))];
}
