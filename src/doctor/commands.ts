import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { expandForApi, parsePlaceholders } from '../config/placeholders.ts';
import { type Config, forModel, fromRoot, modelNames } from '../config.ts';
import { STEPS } from '../contracts/plans.ts';
import type { Path } from '../contracts/schemas.ts';
import { ownEnvironment } from '../systems/processes/environment.ts';
import { findProgram, isExecutable } from '../systems/processes/programs.ts';
import { programOf } from '../systems/steps/environment.ts';
import { type CommandSettings, extraStepSettings, gpusOf, textsOf } from '../systems/steps/index.ts';
import { type FactsOf, type Finding, type FindingCode, finding } from '../words/findings.ts';
import type { Environment } from './context.ts';
import { examineStepImage } from './docker.ts';
import { entryOf, examineImports } from './imports.ts';
import { planOf, sampleOf } from './plan.ts';

/** A command of the project, where it stands in the settings, and the model that runs it. */
interface Command {
  settings: Pick<CommandSettings, 'name' | 'cwd' | 'venv' | 'python' | 'image' | 'isolate' | 'env' | 'gpus'>;
  /** With samples in the place of its placeholders. */
  sample: string[];
  path: Path;
  own: Config;
  /** Parameters that nothing gives. */
  unfilled: string[];
}

interface World {
  env: Environment;
  /** The settings' own file; null: there is none. */
  file: string | null;
  /** Whether Docker is left alone. */
  offline: boolean;
}

/** Looks for everything that the commands of all models need, and starts none of them. */
export async function examineCommands(config: Config, world: World): Promise<Finding[]> {
  const commands = modelNames(config).flatMap((name) => commandsOf(config, name));
  const found = await Promise.all(commands.map((command) => examine(command, world)));
  return [...found.flat(), ...(await examineGpus(config, commands, world.env))];
}

/** Whether this host has the GPUs that commands ask for. */
async function examineGpus(config: Config, commands: readonly Command[], env: Environment): Promise<Finding[]> {
  const asking = commands.flatMap(({ settings: { gpus: wanted = 0 }, path }) => (wanted > 0 ? [{ wanted, path }] : []));
  if (asking.length === 0) return [];
  const { length: found } = await gpusOf(config.worker, env);
  return asking.flatMap(({ wanted, path }) =>
    wanted > found ? [finding('tooFewGpus', { wanted, found }, [...path, 'gpus'])] : [],
  );
}

function commandsOf(config: Config, name: string): Command[] {
  const own = forModel(config, name);
  const plan = planOf(config, { registeredModel: name });
  // What a model shares with all others stands in the common section.
  const prefix = (mine: unknown, all: unknown) =>
    JSON.stringify(mine) === JSON.stringify(all) ? [] : ['models', name];
  const steps = STEPS.flatMap((step): Command[] => {
    const { skip: _, command, ...settings } = own.steps[step];
    if (!command) return [];
    const path = [...prefix(own.steps[step], config.steps[step]), 'steps', step];
    const unfilled = unfilledParameters(own, step, textsOf({ command, env: settings.env }));
    return [
      { settings: { ...settings, name: `steps.${step}` }, sample: sampleOf(command, own, plan), path, own, unfilled },
    ];
  });
  const extra = own.extraSteps.map((step, index): Command => {
    const path = [...prefix(own.extraSteps, config.extraSteps), 'extraSteps', index];
    const settings = extraStepSettings(step);
    return { settings, sample: sampleOf(settings.command, own, plan), path, own, unfilled: [] };
  });
  return [...steps, ...extra, ...apiCommand(own, prefix(own.deployment, config.deployment))];
}

/** The project's own API. */
function apiCommand(own: Config, prefix: Path): Command[] {
  const { target, command, cwd, venv, env } = own.deployment;
  if (target !== 'process' || !command) return [];
  const { registeredModel: model } = own.registry;
  const samples = { host: '127.0.0.1', port: '<port>', model, version: '<version>', runId: '<runId>' };
  const settings = { name: 'deployment', isolate: 'none', env, ...(cwd && { cwd }), ...(venv && { venv }) } as const;
  const sample = command.map((text) => expandForApi(text, samples));
  return [{ settings, sample, path: [...prefix, 'deployment'], own, unfilled: [] }];
}

/**
 * Parameters of a trial or a training that no search gives it. What the project's own search or sampler proposes, only
 * that knows.
 */
function unfilledParameters({ search, steps, training }: Config, step: string, texts: readonly string[]): string[] {
  if (step !== 'train' && step !== 'trial') return [];
  const asked = texts.flatMap(parsePlaceholders).flatMap((piece) => {
    if (!('name' in piece) || piece.otherwise !== undefined) return [];
    const [, name] = /^params\.(?!json$)(.+)$/.exec(piece.name) ?? [];
    return name ?? [];
  });
  const hasSearch =
    search.trials > 0 && (steps.search.command !== undefined || !(steps.search.skip || steps.trial.skip));
  const isForeign = steps.search.command !== undefined || steps.suggest.command !== undefined;
  if (step === 'train' && !hasSearch) return asked;
  if (!search.space && isForeign) return [];
  const known = (search.space ? Object.keys(search.space) : BUNDLED_SPACE[training.model]).map(folded);
  return asked.filter((name) => !known.includes(folded(name)));
}

/** What the bundled sampler proposes where the settings have no space (`training/suggest.py`). */
const COMMON = ['max_depth', 'min_samples_leaf', 'max_features'];
const BUNDLED_SPACE = {
  hgb: ['learning_rate', 'max_leaf_nodes', 'l2_regularization', ...COMMON],
  rf: ['n_estimators', ...COMMON],
};

/** Scripts take `--n-estimators` and log `n_estimators`: both are one parameter. */
const folded = (name: string) => name.replaceAll('-', '_');

async function examine({ settings, sample, path, own, unfilled }: Command, world: World): Promise<Finding[]> {
  const { env, offline } = world;
  const { image, venv, python, isolate } = settings;
  const cwd = resolve(own.root, settings.cwd ?? '.');
  const at = <Code extends FindingCode>(below: Path, code: Code, facts: FactsOf<Code>) =>
    finding(code, facts, [...path, ...below]);
  const before = [
    ...unfilled.map((name) => at(['command'], 'parameterUnfilled', { name })),
    ...(isolate === 'worktree' ? await examineWorktree(own.root, world.file, [...path, 'isolate']) : []),
  ];
  if (!(await isFolder(cwd))) return [...before, at(['cwd'], 'folderMissing', { path: cwd })];
  if (image) {
    const found = offline ? [] : await examineStepImage(image);
    return [...before, ...found.map((one) => ({ ...one, setting: [...path, 'image'] }))];
  }
  if (venv && !(await isThere(resolve(fromRoot(own, venv), 'bin', 'python')))) {
    const folder = fromRoot(own, venv);
    return [...before, at(['venv'], 'venvMissing', { folder, venv, isFolder: await isFolder(folder) })];
  }
  const program = programOf(own, settings, sample);
  const [name = ''] = program.command;
  const searchPath = program.env.PATH ?? env.PATH ?? '';
  const found = isUnknown(name) ? null : await examineProgram(name, cwd, searchPath);
  if (found && 'code' in found)
    return [...before, { ...found, setting: [...path, ...(python ? ['python'] : ['command', 0])] }];
  const script = await examineScript(program.command, cwd);
  if (script) return [...before, { ...script, setting: [...path, 'command'] }];
  const imports = found ? await importsOf(program, found.path, { cwd, env: settings.env, searchPath }) : [];
  return [...before, ...imports.map((one) => ({ ...one, setting: [...path, 'command'] }))];
}

interface Around {
  cwd: string;
  env: Readonly<Record<string, string>>;
  searchPath: string;
}

/** What the Python of a command does not find. */
async function importsOf(
  program: { command: string[]; env: Record<string, string | undefined> },
  path: string,
  { cwd, env, searchPath }: Around,
): Promise<Finding[]> {
  const beside = join(dirname(path), 'python');
  const pythonBeside = (await isExecutable(beside)) ? beside : undefined;
  const entry = entryOf(program.command, { program: path, pythonBeside, folder: cwd });
  if (!entry || [entry.script, entry.module, entry.app].some((text) => text && isUnknown(text))) return [];
  const { PYTHONPATH } = env;
  const own = PYTHONPATH && !/[{}]/.test(PYTHONPATH) ? { PYTHONPATH } : {};
  return await examineImports({ ...entry, env: { PATH: searchPath, ...program.env, ...own } });
}

/** A worktree holds what is committed, and nothing else. */
async function examineWorktree(root: string, file: string | null, setting: Path): Promise<Finding[]> {
  const git = async (...args: string[]) => await execa('git', args, { ...ownEnvironment(), cwd: root, reject: false });
  const head = await git('rev-parse', '--verify', '--quiet', 'HEAD');
  if (head.failed) return [finding('notACheckout', { folder: root }, setting)];
  const changesOf = async (...paths: string[]) =>
    (await git('status', '--porcelain', '--ignored', '--', ...paths)).stdout.split('\n').filter(Boolean);
  const own = file ? await changesOf(file) : [];
  const others = (await changesOf('.')).filter((line) => !line.startsWith('!!') && !own.includes(line));
  return [
    ...(own.length > 0 ? [finding('settingsUncommitted', {}, setting)] : []),
    ...(others.length > 0 ? [finding('uncommitted', { changes: others.length }, setting)] : []),
  ];
}

/**
 * Where a program is, or why it cannot be started.
 *
 * @param program a bare name, which is looked for on the search path, or a path as seen from where it runs
 */
async function examineProgram(program: string, cwd: string, searchPath: string): Promise<Finding | { path: string }> {
  const path = await findProgram(program, searchPath, cwd);
  if (path) return { path };
  if (!program.includes('/')) return finding('programMissing', { program });
  const named = resolve(cwd, program);
  return finding((await isThere(named)) ? 'notExecutable' : 'fileMissing', { path: named });
}

/** What an interpreter is to run: `python train.py`, `bash train.sh`. */
async function examineScript([program = '', ...args]: readonly string[], cwd: string): Promise<Finding | null> {
  const name = program.split('/').at(-1) ?? '';
  if (/^(ba|z|da)?sh$|^Rscript$|^julia$|^node$/.test(name)) return await examineFile(args[0], cwd);
  if (!/^python[\d.]*$/.test(name)) return null;
  const first = args.find((arg) => !/^-[ubBdEiIOPqsSvx]+$/.test(arg));
  return await examineFile(first, cwd);
}

/** A name that is only known when the step runs cannot be looked for. */
async function examineFile(script: string | undefined, cwd: string): Promise<Finding | null> {
  if (!script || script.startsWith('-') || isUnknown(script)) return null;
  const path = resolve(cwd, script);
  return (await isThere(path)) ? null : finding('fileMissing', { path });
}

/** Whether a sample names something that is only known when it runs. */
const isUnknown = (text: string) => /<[\w.-]+>/.test(text);

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
