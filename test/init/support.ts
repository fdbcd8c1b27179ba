import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, loadConfig } from '../../src/config.ts';
import { type Answers, defaultAnswers } from '../../src/init/answers.ts';
import { draft, lookAt } from '../../src/init/index.ts';
import { mediwatch } from '../cli/support.ts';

export type Fixture = 'scripts' | 'lightgbm' | 'notebook';

const fixture = (name: Fixture) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** Runs with a folder of its own that is gone afterwards: a copy of a project, or an empty one. */
export async function withProject<Result>(
  name: Fixture | 'empty',
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-init-'));
  try {
    if (name !== 'empty') await cp(fixture(name), folder, { recursive: true });
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What `mediwatch init --yes` writes in a folder, as it is loaded. */
export async function settingsOf(folder: string): Promise<Config> {
  const { code, err } = await mediwatch(['init', folder, '--yes'], { env: {} });
  if (code !== 0) throw new Error(err);
  return loadConfig({}, folder);
}

/** The text for a fixture with some answers of somebody else's. */
export async function textFor(name: Fixture, answers: Partial<Answers>): Promise<string> {
  const findings = await lookAt(fixture(name));
  return draft(findings, { ...defaultAnswers(findings), ...answers }).text;
}
