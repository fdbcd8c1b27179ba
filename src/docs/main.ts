import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from '../config.ts';
import { fillRegion, MissingRegion } from './regions.ts';
import { placeholdersTable, queriesTable, settingsTable, workflowsTables } from './tables.ts';

/** What writes the text of each region. */
const REGIONS = { settings: settingsText, workflows: workflowsTables, queries: queriesTable };

/**
 * Writes the tables of the README that come from the code. `--check` writes nothing and exits with 1 when they are
 * stale; the file may be named, the project's README is the default.
 */
function main(args: readonly string[]): number {
  const check = args.includes('--check');
  const unknown = args.find((arg) => arg.startsWith('-') && arg !== '--check');
  if (unknown) return complain(`Unknown option ${unknown}. Usage: npm run docs -- [--check] [FILE]`, 2);
  const file = args.find((arg) => !arg.startsWith('-')) ?? join(PROJECT_ROOT, 'README.md');
  if (!existsSync(file)) {
    return complain(
      `There is no ${file}: write it first, with the marks of the regions ${Object.keys(REGIONS).join(', ')}.`,
      1,
    );
  }
  const before = readFileSync(file, 'utf8');
  try {
    const after = Object.entries(REGIONS).reduce((text, [name, write]) => fillRegion(text, name, write()), before);
    if (after === before) return say(`${file} is up to date.`);
    if (check) return complain(`${file} is stale: run "npm run docs" and commit what it changes.`, 1);
    writeFileSync(file, after);
    return say(`${file} was brought up to date.`);
  } catch (error) {
    if (error instanceof MissingRegion) return complain(`${file}: ${error.message}`, 1);
    throw error;
  }
}

function settingsText(): string {
  return [settingsTable(), 'Placeholders in the commands and the `env` of steps:', placeholdersTable()].join('\n\n');
}

function say(text: string): number {
  console.log(text);
  return 0;
}

function complain(text: string, code: number): number {
  console.error(text);
  return code;
}

process.exitCode = main(process.argv.slice(2));
