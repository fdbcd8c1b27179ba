import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { parseDocument } from 'yaml';
import { PROJECT_ROOT } from '../../src/config.ts';
import { TAGS } from '../../src/contracts/names.ts';
import type { ModelVersionRef } from '../../src/contracts/registry.ts';
import type { RetrainResult } from '../../src/contracts/workflows.ts';
import { createMlflow, type Mlflow, type Run } from '../../src/systems/mlflow/index.ts';
import { type CommandOutcome, mediwatch } from '../support/command.ts';
import { createTestStack, type TestStack } from '../support/stack.ts';
import { VENV_WITHIN_MS, venvOf } from '../support/venv.ts';

/** Making the environment of an example, and starting its stack. */
export const SET_UP_WITHIN_MS = VENV_WITHIN_MS + 240_000;

/** The embedded stack needs Linux in the tests: they look at its processes. */
export const HAS_STACK = process.platform === 'linux';

/** Settings by their path, such as `search.trials`; undefined takes one away. */
type Changes = Record<string, unknown>;

interface Checked {
  usable: boolean;
  findings: Array<{ severity: string; text: string }>;
  models: Array<{ registeredModel: string }>;
}

interface Start {
  /** What is changed in its mediwatch.yaml, before it is committed. */
  settings?: Changes;
  /** `MEDIWATCH_…` variables of the stack and the commands. */
  env?: Record<string, string>;
  /** Done in the checkout before it is committed. */
  before?: (dir: string) => Promise<unknown>;
}

export interface Example {
  /** Its checkout: a repository of its own with one commit. */
  dir: string;
  stack: TestStack;
  mlflow: Mlflow;
  api: string;
  mediwatch<Result>(...args: string[]): Promise<CommandOutcome<Result>>;
  check(): Promise<Checked>;
  retrain(...args: string[]): Promise<RetrainResult>;
  /** The version that a request to the API is answered by. */
  served(path: string, body: unknown): Promise<{ version: string | null; answer: Record<string, unknown> }>;
  /** Starts the embedded stack with its settings. */
  up(): Promise<void>;
  /** Files of the checkout that were changed or added, besides those that our folder holds. */
  changedFiles(): Promise<string[]>;
  close(): Promise<void>;
}

/**
 * A checkout of an example in a folder of its own, where its data are found as in this one, and an embedded stack
 * that was not started yet.
 */
export async function openExample(name: string, { settings = {}, env = {}, before }: Start = {}): Promise<Example> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'mediwatch-example-')));
  const dir = join(root, 'examples', name);
  await copyExample(name, dir);
  await symlink(join(PROJECT_ROOT, 'data'), join(root, 'data'));
  const file = join(dir, 'mediwatch.yaml');
  await changeSettings(file, settings);
  await before?.(dir);
  await commitAll(dir);

  const stack = await createTestStack();
  Object.assign(stack.env, { MEDIWATCH_CONFIG: file, ...env });
  const mlflow = createMlflow({ uri: `http://127.0.0.1:${stack.ports.MLFLOW_PORT}`, timeoutMs: 30_000 });
  const api = `http://127.0.0.1:${stack.ports.API_PORT}`;
  const run = <Result>(...args: string[]) => mediwatch<Result>(stack.env, ...args);
  return {
    ...{ dir, stack, mlflow, api, mediwatch: run },
    async check() {
      const { exitCode, json, stderr } = await run<Checked>('check');
      const wrong = json?.findings.filter(({ severity }) => severity === 'problem') ?? stderr;
      if (exitCode !== 0) throw new Error(`mediwatch check exits with ${exitCode}: ${JSON.stringify(wrong)}`);
      return json;
    },
    async retrain(...args) {
      const { exitCode, json, stderr } = await run<{ result: RetrainResult }>('retrain', '--follow', ...args);
      if (exitCode !== 0) throw new Error(`mediwatch retrain exits with ${exitCode}: ${stderr}`);
      return json.result;
    },
    async served(path, body) {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${api}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`);
      return { version: response.headers.get('x-mediwatch-version'), answer: JSON.parse(text) };
    },
    up: async () => await stack.start().up(),
    changedFiles: () => changedFiles(dir),
    async close() {
      await mlflow.close();
      await stack.dispose();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** What stands in the checkout of this project, not what somebody's own runs left there; and its environment. */
export async function copyExample(name: string, dir: string): Promise<void> {
  const { stdout } = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '.'], {
    cwd: join(PROJECT_ROOT, 'examples', name),
  });
  await mkdir(dir, { recursive: true });
  for (const path of stdout.split('\0').filter(Boolean)) {
    await cp(join(PROJECT_ROOT, 'examples', name, path), join(dir, path));
  }
  const requirements = join(dir, 'requirements.txt');
  if (existsSync(requirements)) await symlink(await venvOf(requirements), join(dir, '.venv'));
}

async function changeSettings(file: string, settings: Changes): Promise<void> {
  if (Object.keys(settings).length === 0) return;
  const document = parseDocument(await readFile(file, 'utf8'));
  for (const [path, value] of Object.entries(settings)) {
    if (value === undefined) document.deleteIn(path.split('.'));
    else document.setIn(path.split('.'), document.createNode(value));
  }
  await writeFile(file, document.toString());
}

async function commitAll(dir: string): Promise<void> {
  const git = (...args: string[]) => execa('git', args, { cwd: dir });
  await git('init', '--quiet');
  // The link to an environment is no folder, which is what .gitignore names.
  await writeFile(join(dir, '.git/info/exclude'), '.venv\n');
  await git('add', '--all');
  await git('-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '--quiet', '--message', 'example');
}

async function changedFiles(dir: string): Promise<string[]> {
  const { stdout } = await execa('git', ['status', '--porcelain', '--untracked-files=all'], { cwd: dir });
  return stdout.split('\n').filter(Boolean);
}

/** The runs nested in a run, in the order that they began. */
export async function nestedRuns({ mlflow }: Example, runId: string): Promise<Run[]> {
  const run = await mlflow.getRun(runId);
  const nested = await mlflow.searchRuns([run?.experimentId as string], `tags.mlflow.parentRunId = '${runId}'`);
  return nested.toSorted((a, b) => a.startTime - b.startTime);
}

/** The run of the retrain that a version came of: all that it ran is nested in it. */
export async function retrainRun({ mlflow }: Example, { runId }: ModelVersionRef): Promise<string> {
  const run = await mlflow.getRun(runId as string);
  return run?.tags['mlflow.parentRunId'] as string;
}

/** The trials of the search that led to a version. */
export async function trialsOf(example: Example, version: ModelVersionRef): Promise<Run[]> {
  const runs = await nestedRuns(example, await retrainRun(example, version));
  return runs.filter(({ tags }) => tags[TAGS.trial] !== undefined);
}
