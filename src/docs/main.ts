import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from '../config.ts';
import { pythonContract } from './python.ts';
import { fillRegion, MissingRegion } from './regions.ts';
import { placeholdersTable, queriesTable, settingsTable, stepsTables, workflowsTables } from './tables.ts';

/** What writes the text of each region, by the page that has it. */
const PAGES: Record<string, Record<string, () => string>> = {
  'README.md': { settings: settingsText, workflows: workflowsTables, queries: queriesTable },
  'docs/steps.md': { steps: stepsTables },
};

/** Files that are generated as a whole. */
const FILES: Record<string, () => string> = { 'python/mediwatch_training/contract.py': pythonContract };

/**
 * Writes what comes from the contracts: the tables of the pages and the Python package's types. `--check` writes nothing
 * and exits with 1 when something is stale; a file that is named stands in for the README, and is the only one.
 */
function main(args: readonly string[]): number {
  const check = args.includes('--check');
  const unknown = args.find((arg) => arg.startsWith('-') && arg !== '--check');
  if (unknown) return complain(`Unknown option ${unknown}. Usage: npm run docs -- [--check] [FILE]`, 2);
  const named = args.find((arg) => !arg.startsWith('-'));
  if (named) return bring(named, (text) => filled(text, 'README.md'), check);
  const pages = Object.keys(PAGES).map((page) => bring(join(PROJECT_ROOT, page), (text) => filled(text, page), check));
  const files = Object.entries(FILES).map(([file, write]) => bring(join(PROJECT_ROOT, file), write, check));
  return Math.max(...pages, ...files);
}

function filled(text: string, page: string): string {
  return Object.entries(PAGES[page] ?? {}).reduce((all, [name, write]) => fillRegion(all, name, write()), text);
}

/** Brings one file up to date; with `check` it only says whether it is. */
function bring(file: string, write: (before: string) => string, check: boolean): number {
  if (!existsSync(file)) {
    return complain(`There is no ${file}: write it first, with the marks of its regions.`, 1);
  }
  const before = readFileSync(file, 'utf8');
  try {
    const after = write(before);
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
