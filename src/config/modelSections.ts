import type { z } from 'zod';
import { explain } from './explain.ts';
import { SHARED_SECTIONS } from './models.ts';
import { type Path, type Place, type Problem, pathText } from './problems.ts';
import { checkTogether } from './rules.ts';
import { ConfigSchema } from './schema.ts';
import { isMapping } from './values.ts';

type Issue = z.core.$ZodIssue;

interface ModelSettings {
  name: string;
  /** What `models` says of it. */
  own: Record<string, unknown>;
  /** That, laid over the settings of the file. */
  settings: Record<string, unknown>;
  issues: readonly Issue[];
  placeOf(path: Path, part?: 'key' | 'value'): Place;
}

/** What is wrong with what `models` says of a model. The rest of its settings is told where it stands. */
export function modelProblems({ name, own, settings, issues, placeOf }: ModelSettings): Problem[] {
  const prefix = ['models', name];
  const ofItsOwn = issues.flatMap((issue) => ownIssue(issue, own));
  return [
    ...sharedProblems(own, prefix, placeOf),
    ...explain(ofItsOwn, { schema: ConfigSchema, settings, placeOf, prefix }),
    ...checkTogether({ settings: withoutShared(own), placeOf, prefix, merged: settings }),
  ];
}

const isShared = (section: string) => Object.hasOwn(SHARED_SECTIONS, section);

/** An issue of the merged settings, as far as it lies in what the model says itself. */
function ownIssue(issue: Issue, own: Record<string, unknown>): Issue[] {
  const [section, key] = issue.path;
  if (issue.code === 'unrecognized_keys' && issue.path.length < 2) {
    const around = section === undefined ? own : own[String(section)];
    const keys = issue.keys.filter((name) => isMapping(around) && Object.hasOwn(around, name));
    return keys.length > 0 ? [{ ...issue, keys }] : [];
  }
  const value = Object.hasOwn(own, String(section)) ? own[String(section)] : undefined;
  if (value === undefined || isShared(String(section))) return [];
  return !isMapping(value) || key === undefined || Object.hasOwn(value, key) ? [issue] : [];
}

/** Of MLflow only the experiment can differ: one worker has one connection to it. */
const OF_MLFLOW = ['experiment'];

function sharedProblems(own: Record<string, unknown>, prefix: Path, placeOf: ModelSettings['placeOf']): Problem[] {
  const problem = (path: Path, message: string): Problem => {
    const whole = [...prefix, ...path];
    return { ...placeOf(whole, 'key'), path: pathText(whole), message };
  };
  const sections = Object.keys(own).filter(isShared);
  const mlflow = isMapping(own.mlflow) ? Object.keys(own.mlflow).filter((key) => !OF_MLFLOW.includes(key)) : [];
  return [
    ...sections.map((section) => problem([section], `cannot differ between models: ${SHARED_SECTIONS[section]}`)),
    ...mlflow
      .filter((key) => Object.hasOwn(ConfigSchema.shape.mlflow.unwrap().shape, key))
      .map((key) => problem(['mlflow', key], 'cannot differ between models: one MLflow keeps them all')),
  ];
}

function withoutShared(own: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(own).filter(([section]) => !isShared(section)));
}
