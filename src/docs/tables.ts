import { z } from 'zod';
import { takesVariable } from '../config/environment.ts';
import { knownPlaceholders, PLACEHOLDERS, type Placeholder, type PlaceholderStep } from '../config/placeholders.ts';
import { ConfigSchema } from '../config/schema.ts';
import { KNOWN_VARIABLES, variableOf } from '../config.ts';
import { FAILURES } from '../contracts/errors.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { STEPS } from '../contracts/plans.ts';
import { SAVED_QUERIES, type SavedQuery } from '../contracts/savedQueries.ts';
import { coreOf, defaultOf, descriptionOf, meaningOf, metaOf, typeOf } from '../contracts/schemas.ts';
import { STEP_CONTRACTS, type StepContract } from '../contracts/steps.ts';
import { WORKFLOWS } from '../contracts/workflows.ts';
import { listUrl, startUrl } from '../words/links.ts';
import { ACTIVITIES, PROFILES } from '../workflows/activityTable.ts';

/** Every setting of `mediwatch.yaml` with its variable, default and meaning: a table for each section. */
export function settingsTables(): string {
  return Object.entries(ConfigSchema.shape)
    .map(([section, schema]) => {
      const rows = rowsOf(section, schema);
      return `## ${section}\n\n${table(['setting', 'variable', 'default', 'meaning'], rows)}`;
    })
    .join('\n\n');
}

function rowsOf(section: string, schema: z.ZodType): string[][] {
  const entry = entryOf(coreOf(schema));
  // A section of free names, or a list: its rows are those of any of its entries.
  if (entry) return entryRows(`${section}${entry.mark}`, fieldsOf(entry.schema));
  return coreOf(schema) instanceof z.ZodObject
    ? sectionRows(section, fieldsOf(schema))
    : [settingRow(section, '', schema)];
}

/** What an entry has in common with the steps is in their rows. */
function entryRows(entry: string, fields: Record<string, z.ZodType>): string[][] {
  const ofSteps = new Set(Object.values(fieldsOf(ConfigSchema.shape.steps.unwrap().shape.train)));
  const own = Object.entries(fields).filter(([, schema]) => !ofSteps.has(schema));
  const others = Object.keys(fields).filter((key) => ofSteps.has(fields[key] as z.ZodType));
  const rows = sectionRows(entry, Object.fromEntries(own), false);
  return others.length > 0 ? [...rows, [code(`${entry}.{${others.join(', ')}}`), '', '', 'as in steps']] : rows;
}

/** What a section of free names or a list holds, if that has settings of its own. */
function entryOf(core: z.ZodType): { mark: string; schema: z.ZodType } | undefined {
  const isRecord = core instanceof z.ZodRecord;
  if (!isRecord && !(core instanceof z.ZodArray)) return undefined;
  const schema = (isRecord ? core.valueType : core.element) as z.ZodType;
  const inner = coreOf(schema);
  const hasFields = inner instanceof z.ZodObject || inner instanceof z.ZodDiscriminatedUnion;
  return hasFields ? { mark: isRecord ? '.NAME' : '[]', schema } : undefined;
}

/** Keys that share a schema share their rows. What holds other settings is set in the file only. */
function sectionRows(section: string, fields: Record<string, z.ZodType>, variables = true): string[][] {
  const alike = Map.groupBy(Object.keys(fields), (key) => fields[key] as z.ZodType);
  return [...alike].flatMap(([schema, keys]) => {
    const names = keys.length > 1 ? `{${keys.join(', ')}}` : keys[0];
    if (coreOf(schema) instanceof z.ZodObject) return sectionRows(`${section}.${names}`, fieldsOf(schema), false);
    return keys.map((key) => {
      const typed = variables && takesVariable(section, key);
      return settingRow(`${section}.${key}`, typed ? variablesOf(section, key) : '', schema);
    });
  });
}

/** What stands for a value in the command of a step, and in which steps. */
export function placeholdersTable(): string {
  const steps: PlaceholderStep[] = [...STEPS, 'extra'];
  const rows = Object.entries(PLACEHOLDERS).map(([name, meaning]) => {
    const having = steps.filter((step) => knownPlaceholders(step).includes(name as Placeholder));
    const where =
      having.length === steps.length ? 'all' : having.map((step) => (step === 'extra' ? 'extraSteps' : step));
    return [code(`{${name}}`), cell(meaning), typeof where === 'string' ? where : where.join(', ')];
  });
  return table(['placeholder', 'stands for', 'in the steps'], rows);
}

/** Our own variable first, then the one that other tools define. */
function variablesOf(section: string, key: string): string {
  const known = KNOWN_VARIABLES[`${section}.${key}`];
  return [variableOf([section, key]), ...(known ? [known] : [])].map(code).join(' or ');
}

function settingRow(setting: string, variables: string, schema: z.ZodType): string[] {
  return [code(setting), variables, defaultText(schema), describe(schema)];
}

/** Addresses in the docs are those of the embedded stack. */
const EMBEDDED = {
  temporal: {
    uiUrl: `http://127.0.0.1:${defaultOf(ConfigSchema.shape.stack.unwrap().shape.temporalUiPort)}`,
    namespace: String(defaultOf(ConfigSchema.shape.temporal.unwrap().shape.namespace)),
  },
};

/** Every workflow that people start: all of them in a table, then each field of the input of each. */
export function workflowsTables(): string {
  return `${workflowsOverview()}\n\n${inputTables()}`;
}

function workflowsOverview(): string {
  const rows = Object.entries(WORKFLOWS).map(([type, { about, example }]) => [
    code(type),
    cell(about),
    code(JSON.stringify(example)),
    `[form](${startUrl(EMBEDDED, type, `${type}-by-hand`)})`,
  ]);
  return table(['type', 'what it does', 'an input that works', 'start'], rows);
}

/** The list filters that operators need, with a link where the filter is the same every day. */
export function queriesTable(): string {
  const values = { registeredModel: 'NAME', aDayAgo: 'TIME', testAuc: 0.65, driftShare: 0.3 };
  const other = { registeredModel: 'OTHER', aDayAgo: 'OTHER', testAuc: 0, driftShare: 0 };
  const rows = Object.values<SavedQuery>(SAVED_QUERIES).map(({ name, about, filter }) => {
    const stands = filter(values) === filter(other);
    return [stands ? `[${name}](${listUrl(EMBEDDED, filter(values))})` : name, cell(about), code(filter(values))];
  });
  return table(['query', 'finds', 'list filter'], rows);
}

/** Every failure type: whether it is tried again, and what to do. */
export function failuresTable(): string {
  const rows = Object.entries(FAILURES).map(([type, { retryable, next }]) => [
    code(type),
    { true: 'yes', false: 'no', once: 'once' }[String(retryable)] ?? '',
    cell(next),
  ]);
  return table(['failure', 'tried again', 'what to do'], rows);
}

/** Every activity with its task queue and profile, and the time-outs and retries of each profile. */
export function activitiesTables(): string {
  const activities = Object.entries(ACTIVITIES).map(([name, { queue, profile }]) => [
    code(name),
    code(TASK_QUEUES[queue]),
    code(profile),
  ]);
  const profiles = Object.entries<Profile>(PROFILES).map(([name, { startToCloseTimeout, heartbeatTimeout, retry }]) => [
    code(name),
    startToCloseTimeout ?? '`steps.*.timeout`',
    heartbeatTimeout ?? '',
    retry.maximumAttempts === Number.POSITIVE_INFINITY ? 'no limit' : String(retry.maximumAttempts),
  ]);
  return [
    table(['activity', 'task queue', 'profile'], activities),
    table(['profile', 'an attempt may take', 'heartbeat within', 'attempts'], profiles),
  ].join('\n\n');
}

interface Profile {
  startToCloseTimeout?: string;
  heartbeatTimeout?: string;
  retry: { maximumAttempts: number };
}

/** What every step is given and answers: all of them in a table, then each field. */
export function stepsTables(): string {
  const steps = Object.entries<StepContract>(STEP_CONTRACTS);
  const names = (schema: z.ZodType) => Object.keys(fieldsOf(schema)).map(code).join(', ');
  const rows = steps.map(([step, { about, command, result }]) => [
    `[${code(step)}](#${step})`,
    cell(about),
    names(command),
    answersOf(result).map(names).join(' or '),
  ]);
  const overview = table(['step', 'what it does', 'a command is given', 'and answers'], rows);
  return [overview, ...steps.map(([step, contract]) => stepSection(step, contract))].join('\n\n');
}

function stepSection(step: string, { bundled, command, result }: StepContract): string {
  const [ours, theirs] = [bundled ? fieldsOf(bundled) : {}, fieldsOf(command)];
  const inputs = Object.entries({ ...theirs, ...ours }).map(([field, schema]) => {
    const both = field in ours && field in theirs;
    const given = both || !bundled ? '' : field in ours ? 'the bundled step only' : 'commands only';
    const about = descriptionOf(schema);
    const said = [about, defaultOf(schema) != null && `default: ${JSON.stringify(defaultOf(schema))}`, given];
    return [code(field), cell(typeOf(schema)), cell(said.filter(Boolean).join('; '))];
  });
  const answers = answersOf(result).flatMap((answer) =>
    Object.entries(fieldsOf(answer)).map(([field, schema]) => [code(field), cell(typeOf(schema)), describe(schema)]),
  );
  return [
    `### ${step}`,
    table(['input', 'type', 'meaning'], inputs),
    table(['result', 'type', 'meaning'], [...new Map(answers.map((row) => [row[0], row])).values()]),
  ].join('\n\n');
}

/** The alternatives of a result. */
const answersOf = (result: z.ZodType) => (result instanceof z.ZodUnion ? (result.options as z.ZodType[]) : [result]);

function inputTables(): string {
  return Object.entries(WORKFLOWS)
    .map(([type, { about, example, input }]) => {
      const rows = Object.entries(fieldsOf(input)).map(([field, schema]) => [
        code(field),
        cell(typeOf(schema)),
        cell(meaningOf(schema)),
      ]);
      return [
        `## ${type}`,
        `${about} All fields may be left out. An input that works: ${code(JSON.stringify(example))}.`,
        table(['field', 'type', 'meaning'], rows),
      ].join('\n\n');
    })
    .join('\n\n');
}

/** The fields of a mapping; of alternatives those of all of them, each as the first has it. */
function fieldsOf(schema: z.ZodType): Record<string, z.ZodType> {
  const core = coreOf(schema);
  if (!(core instanceof z.ZodDiscriminatedUnion)) return (core as z.ZodObject).shape as Record<string, z.ZodType>;
  const shapes = core.options.map((option) => fieldsOf(option as z.ZodType));
  const { discriminator } = core.def;
  const kinds = shapes.flatMap((shape) => [...(shape[discriminator] as z.ZodLiteral<string>).values]);
  return { ...Object.assign({}, ...shapes.toReversed()), [discriminator]: z.enum(kinds).describe(kinds.join(' | ')) };
}

function describe(schema: z.ZodType): string {
  return cell(descriptionOf(schema));
}

/** The default as it would be written in the file, or what it is called. */
function defaultText(schema: z.ZodType): string {
  const { defaultName } = metaOf(schema);
  if (defaultName) return defaultName;
  const value = defaultOf(schema);
  if (value === undefined || value === null || value === '') return '';
  if (Array.isArray(value)) return value.length > 0 ? code(value.join(', ')) : '';
  if (typeof value === 'object' && value !== null) return '';
  return code(String(value));
}

export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

/** Bars would end the cell, line breaks the row. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
}
