import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from '../config.ts';
import { figuresRegions } from './figures.ts';
import { pythonContract } from './python.ts';
import { fillRegions, RegionError } from './regions.ts';
import {
  activitiesTables,
  failuresTable,
  placeholdersTable,
  queriesTable,
  settingsTables,
  stepsTables,
  workflowsTables,
} from './tables.ts';

/** What writes the text of each region; a page of docs/ has each of them. */
const REGIONS: Record<string, () => string> = {
  settings: settingsTables,
  placeholders: placeholdersTable,
  workflows: workflowsTables,
  queries: queriesTable,
  steps: stepsTables,
  failures: failuresTable,
  activities: activitiesTables,
  ...figuresRegions(),
};

/** Files that are generated as a whole. */
const FILES: Record<string, () => string> = { 'python/mediwatch_training/contract.py': pythonContract };

/**
 * Writes what comes from the contracts: the tables of the pages and the Python package's types. `--check` writes nothing
 * and exits with 1 when something is stale; a page that is named is the only one.
 */
function main(args: readonly string[]): number {
  const check = args.includes('--check');
  const unknown = args.find((arg) => arg.startsWith('-') && arg !== '--check');
  if (unknown) return complain(`Unknown option ${unknown}. Usage: npm run docs -- [--check] [PAGE]`, 2);
  const named = args.find((arg) => !arg.startsWith('-'));
  const found: string[] = [];
  const fill = (text: string) => {
    const filled = fillRegions(text, REGIONS);
    found.push(...filled.names);
    if (named && filled.names.length === 0) throw new RegionError(`It has no region, such as <!-- settings:start -->.`);
    return filled.text;
  };
  if (named) return update(named, fill, check);
  const folder = join(PROJECT_ROOT, 'docs');
  const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));
  const codes = pages.map((name) => update(join(folder, name), fill, check));
  const missing = Object.keys(REGIONS).filter((name) => !found.includes(name));
  if (missing.length > 0) codes.push(complain(`No page of docs/ has the regions ${missing.join(', ')}.`, 1));
  const files = Object.entries(FILES).map(([file, write]) => update(join(PROJECT_ROOT, file), write, check));
  return Math.max(...codes, ...files);
}

/** Brings one file up to date; with `check` it only says whether it is. */
function update(file: string, write: (before: string) => string, check: boolean): number {
  if (!existsSync(file)) return complain(`There is no ${file}.`, 1);
  const before = readFileSync(file, 'utf8');
  try {
    const after = write(before);
    if (after === before) return 0;
    if (check) return complain(`${file} is stale: run "npm run docs" and commit what it changes.`, 1);
    writeFileSync(file, after);
    console.log(`${file} was brought up to date.`);
    return 0;
  } catch (error) {
    if (error instanceof RegionError) return complain(`${file}: ${error.message}`, 1);
    throw error;
  }
}

function complain(text: string, code: number): number {
  console.error(text);
  return code;
}

process.exitCode = main(process.argv.slice(2));
