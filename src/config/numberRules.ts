import type { StepName } from '../contracts/plans.ts';
import { schemaAt, valueAt } from '../contracts/schemas/shape.ts';
import type { Path, Problem } from './problems.ts';
import { ConfigSchema } from './schema.ts';
import { problemOf, type Written } from './stepRules.ts';
import { isMapping } from './values.ts';

/** Numbers that are allowed each by itself, and that a bundled step refuses together. */
export function numberProblems(written: Written): Problem[] {
  return [...splitProblems(written), ...windowProblems(written)];
}

const TEST: Path = ['data', 'testFraction'];
const VALIDATION: Path = ['data', 'validationFraction'];

function splitProblems(written: Written): Problem[] {
  const [test, validation] = [numberAt(written, TEST), numberAt(written, VALIDATION)];
  if (!isBundled(written, 'prepare') || test === undefined || validation === undefined) return [];
  if (test + validation < 1) return [];
  const message = `testFraction ${test} and validationFraction ${validation} leave nothing to train on: together they must be below 1`;
  return problemAtWritten(written, [VALIDATION, TEST], message);
}

const CURRENT_ROWS: Path = ['monitoring', 'currentRows'];
const MIN_ROWS: Path = ['monitoring', 'minRows'];

function windowProblems(written: Written): Problem[] {
  const [current, least] = [numberAt(written, CURRENT_ROWS), numberAt(written, MIN_ROWS)];
  const byRows = valueAt(written.merged, ['monitoring', 'currentHours']) === undefined;
  if (!isBundled(written, 'monitor') || !byRows || current === undefined || least === undefined) return [];
  if (least <= current) return [];
  const message = `a window of ${current} rows (currentRows) never has the ${least} that a check needs (minRows)`;
  return problemAtWritten(written, [MIN_ROWS, CURRENT_ROWS], message);
}

/** A number as it is used, be it the default; undefined when it is wrong by itself, which is told elsewhere. */
function numberAt({ merged }: Written, path: Path): number | undefined {
  const { data } = schemaAt(ConfigSchema, merged, path)?.safeParse(valueAt(merged, path)) ?? {};
  return typeof data === 'number' ? data : undefined;
}

/** What a project's own command makes of the numbers is its own affair. */
function isBundled({ merged }: Written, name: StepName): boolean {
  const step = valueAt(merged, ['steps', name]);
  return !isMapping(step) || (step.command === undefined && step.skip !== true && step.skip !== 'true');
}

/** Told at the first of the settings that stands here; where none does, it is told where they do. */
function problemAtWritten(written: Written, paths: readonly Path[], message: string): Problem[] {
  const path = paths.find((one) => valueAt(written.settings, one) !== undefined);
  return path ? [problemOf(written, path, message)] : [];
}
