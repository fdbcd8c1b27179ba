import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';

const SCRIPTS = join(PROJECT_ROOT, 'test/systems/steps/fixtures');

/** The environment of a project in the tests: our own has MLflow and scikit-learn. Another one shows what older ones do. */
export const VENV = process.env.MEDIWATCH_TEST_VENV ?? join(PROJECT_ROOT, 'python/.venv');

export interface TestProject {
  dir: string;
  config: Config;
  remove(): void;
}

/**
 * A checkout of somebody's with the scripts of the fixtures, and a mediwatch.yaml beside them. Data sets lie in a
 * folder of its own.
 */
export function createProject(settings: object, env: Record<string, string> = {}): TestProject {
  const dir = mkdtempSync(join(tmpdir(), 'mediwatch-project-'));
  cpSync(SCRIPTS, dir, { recursive: true });
  mkdirSync(join(dir, 'store'));
  writeFileSync(join(dir, 'data.csv'), 'a,b\n1,2\n');
  const common = { data: { path: 'data.csv' }, artifacts: { store: 'store' }, worker: { slots: 2 } };
  writeFileSync(join(dir, 'mediwatch.yaml'), stringify({ ...common, ...settings }));
  const config = loadConfig(env, dir);
  return { dir, config, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
