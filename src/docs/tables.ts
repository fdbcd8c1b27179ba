import { z } from 'zod';
import { ConfigSchema } from '../config/schema.ts';
import { KNOWN_VARIABLES, variableOf } from '../config.ts';
import { WORKFLOWS } from '../contracts/workflows.ts';
import { coreOf, defaultOf, descriptionOf, typeOf } from './describe.ts';

/** Every setting of `mediwatch.yaml` with its variable, default and meaning, as a Markdown table. */
export function settingsTable(): string {
  const rows = Object.entries(ConfigSchema.shape).flatMap(([section, schema]) => {
    const core = coreOf(schema);
    if (core instanceof z.ZodObject) return sectionRows(section, fieldsOf(core));
    // A section of free names: its rows are those of any of its entries.
    if (core instanceof z.ZodRecord)
      return sectionRows(`${section}.NAME`, fieldsOf(core.valueType as z.ZodType), false);
    return [settingRow(section, '', schema)];
  });
  return table(['setting', 'variable', 'default', 'meaning'], rows);
}

/** Keys that share a schema share their rows. What holds other settings is set in the file only. */
function sectionRows(section: string, fields: Record<string, z.ZodType>, variables = true): string[][] {
  const alike = Map.groupBy(Object.keys(fields), (key) => fields[key] as z.ZodType);
  return [...alike].flatMap(([schema, keys]) => {
    const core = coreOf(schema);
    if (core instanceof z.ZodObject) {
      const names = keys.length > 1 ? `{${keys.join(', ')}}` : keys[0];
      return Object.entries(fieldsOf(core)).map(([key, field]) => settingRow(`${section}.${names}.${key}`, '', field));
    }
    const typed = variables && !(core instanceof z.ZodRecord || core instanceof z.ZodArray);
    return keys.map((key) => settingRow(`${section}.${key}`, typed ? variablesOf(section, key) : '', schema));
  });
}

/** Our own variable first, then the one that other tools define. */
function variablesOf(section: string, key: string): string {
  const known = KNOWN_VARIABLES[`${section}.${key}`];
  return [variableOf([section, key]), ...(known ? [known] : [])].map(code).join(' or ');
}

function settingRow(setting: string, variables: string, schema: z.ZodType): string[] {
  return [code(setting), variables, defaultText(schema), describe(schema)];
}

/** Every workflow that people start: what it does, an input that works, and each field of the input. */
export function workflowsTables(): string {
  return Object.entries(WORKFLOWS)
    .map(([type, { about, example, input }]) => {
      const rows = Object.entries(fieldsOf(input)).map(([field, schema]) => [
        code(field),
        cell(typeOf(schema)),
        describe(schema),
      ]);
      return [
        `### ${type}`,
        `${about} All fields may be left out. An input that works: ${code(JSON.stringify(example))}.`,
        table(['field', 'type', 'meaning'], rows),
      ].join('\n\n');
    })
    .join('\n\n');
}

function fieldsOf(schema: z.ZodType): Record<string, z.ZodType> {
  return (coreOf(schema) as z.ZodObject).shape as Record<string, z.ZodType>;
}

function describe(schema: z.ZodType): string {
  return cell(descriptionOf(schema));
}

/** The default as it would be written in the file; cores differ from host to host, so their number is not named. */
function defaultText(schema: z.ZodType): string {
  if (/default: its cores/.test(descriptionOf(schema))) return 'its cores';
  const value = defaultOf(schema);
  if (value === undefined || value === '') return '';
  if (Array.isArray(value)) return value.length > 0 ? code(value.join(', ')) : '';
  if (typeof value === 'object' && value !== null) return '';
  return code(String(value));
}

function table(head: string[], rows: string[][]): string {
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
