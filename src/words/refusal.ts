import type { z } from 'zod';
import { meaningOf, pathText, schemaAt, typeOf, valueAt } from '../contracts/schemas.ts';
import { WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { code, fitted, jsonBlock, plain, table } from './markdown.ts';
import { wrongFields } from './wrongFields.ts';

/** Why an input is refused. */
export interface Refusal {
  /** What is wrong with each field; of a whole that could not be read, one. */
  wrong: Array<{
    /** Empty: the whole. */
    field: string;
    /** As JSON; empty: it was not given, or cannot be shown. */
    given: string;
    problem: string;
    /** What the field is; empty: there is no such field. */
    meaning: string;
  }>;
}

/** More are not told: whoever corrects these sees what is left. */
const MOST = 20;

/** What is wrong with an input, field by field. */
export function refusalOf(issues: readonly z.core.$ZodIssue[], schema: z.ZodType, value: unknown): Refusal {
  const told = issues
    .slice(0, MOST)
    .map((issue) => (issue.code === 'unrecognized_keys' ? { ...issue, keys: issue.keys.slice(0, MOST) } : issue));
  const fields = wrongFields(told, { schema, value, written: 'json' }).slice(0, MOST);
  return {
    wrong: fields.map(({ path, message }) => {
      const meant = schemaAt(schema, value, path);
      return {
        field: pathText(path),
        given: shown(valueAt(value, path)),
        problem: message,
        meaning: meant && path.length > 0 ? meaningOf(meant) : '',
      };
    }),
  };
}

/** An input that could not be looked at. */
export const wholeRefused = (problem: string): Refusal => ({ wrong: [{ field: '', given: '', problem, meaning: '' }] });

/** The refusal in a sentence a field, for the failure's message. */
export function refusalText(type: WorkflowName, { wrong }: Refusal): string {
  const each = wrong.map(({ field, problem }) => `${field || 'input'}: ${problem}`);
  return (
    `${type} cannot be started with this input. ${each.join('; ')}. ` +
    `An input that works: ${JSON.stringify(WORKFLOWS[type].example)}; so does an empty one.`
  );
}

/** The refusal as the workflow's page shows it: each wrong field, an input that works, and all fields that there are. */
export function refusalMarkdown(type: WorkflowName, { wrong }: Refusal): string {
  const { about, example, input } = WORKFLOWS[type];
  const fields = Object.entries(input.shape as Record<string, z.ZodType>);
  return fitted([
    `**What happened.** ${type} was not started, as its input cannot be used:`,
    table(
      ['field', 'given', 'what is wrong', 'what it is'],
      wrong.map(({ field, given, problem, meaning }) => [
        field ? code(field.slice(0, 200)) : 'the whole input',
        given && code(given),
        plain(problem.slice(0, 1_000)),
        plain(meaning),
      ]),
    ),
    '**What was left as it was.** Everything: nothing was done.',
    '**What to do next.** Choose "Start Workflow Like This One" in the menu at the top right, and correct the input. ' +
      'This one works, and so does an empty one:',
    jsonBlock(example),
    `**${type}.** ${plain(about)} Its fields, each of which may be left out:`,
    table(
      ['field', 'type', 'meaning'],
      fields.map(([name, schema]) => [code(name), plain(typeOf(schema)), plain(meaningOf(schema))]),
    ),
  ]);
}

/** A value as it was given, cut. */
function shown(value: unknown): string {
  if (value === undefined) return '';
  try {
    const text = JSON.stringify(value) ?? '';
    return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
  } catch {
    // JSON may be nested deeper than it can be written again.
    return '';
  }
}
