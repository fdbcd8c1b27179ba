import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { execa } from 'execa';
import { type Config, forModel, fromRoot, modelNames } from '../config.ts';
import { STEPS } from '../contracts/plans.ts';
import type { Path } from '../contracts/schemas.ts';
import { ownEnvironment } from '../systems/processes/environment.ts';
import { programOf } from '../systems/steps/environment.ts';
import { type CommandSettings, extraStepSettings } from '../systems/steps/index.ts';
import { type FactsOf, type Finding, type FindingCode, finding } from '../words/findings.ts';
import type { Environment } from './context.ts';
import { examineStepImage } from './docker.ts';
import { planOf, type RetrainPlan, sampleOf } from './plan.ts';

/** A command of the project, where it stands in the settings, and the model that runs it. */
interface Command {
  settings: CommandSettings;
  path: Path;
  own: Config;
  plan: RetrainPlan;
}

interface World {
  env: Environment;
  /** Whether Docker is left alone. */
  offline: boolean;
}

/** Looks for everything that the commands of all models need, and starts none of them. */
export async function examineCommands(config: Config, world: World): Promise<Finding[]> {
  const commands = modelNames(config).flatMap((name) => commandsOf(config, name));
  return (await Promise.all(commands.map((command) => examine(command, world)))).flat();
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
    return [{ settings: { ...settings, command, name: `steps.${step}` }, path, own, plan }];
  });
  const extra = own.extraSteps.map((step, index): Command => {
    const path = [...prefix(own.extraSteps, config.extraSteps), 'extraSteps', index];
    return { settings: extraStepSettings(step), path, own, plan };
  });
  return [...steps, ...extra];
}

async function examine({ settings, path, own, plan }: Command, { env, offline }: World): Promise<Finding[]> {
  const { image, venv, python, isolate } = settings;
  const cwd = resolve(own.root, settings.cwd ?? '.');
  const at = <Code extends FindingCode>(below: Path, code: Code, facts: FactsOf<Code>) =>
    finding(code, facts, [...path, ...below]);
  if (!(await isFolder(cwd))) return [at(['cwd'], 'folderMissing', { path: cwd })];
  const isolation = isolate === 'worktree' ? await examineWorktree(own.root, [...path, 'isolate']) : [];
  if (image) {
    const found = offline ? [] : await examineStepImage(image);
    return [...isolation, ...found.map((one) => ({ ...one, setting: [...path, 'image'] }))];
  }
  if (venv && !(await isThere(resolve(fromRoot(own, venv), 'bin', 'python')))) {
    const folder = fromRoot(own, venv);
    return [...isolation, at(['venv'], 'venvMissing', { folder, venv, isFolder: await isFolder(folder) })];
  }
  const program = programOf(own, settings, sampleOf(settings.command, own, plan));
  const [name = ''] = program.command;
  const missing = isUnknown(name) ? null : await examineProgram(name, cwd, program.env.PATH ?? env.PATH ?? '');
  if (missing) return [...isolation, { ...missing, setting: [...path, ...(python ? ['python'] : ['command', 0])] }];
  const script = await examineScript(program.command, cwd);
  return [...isolation, ...(script ? [{ ...script, setting: [...path, 'command'] }] : [])];
}

/** A worktree holds what is committed, and nothing else. */
async function examineWorktree(root: string, setting: Path): Promise<Finding[]> {
  const git = async (...args: string[]) => await execa('git', args, { ...ownEnvironment(), cwd: root, reject: false });
  const head = await git('rev-parse', '--verify', '--quiet', 'HEAD');
  if (head.failed) return [finding('notACheckout', { folder: root }, setting)];
  const { stdout } = await git('status', '--porcelain', '--', '.');
  const changes = stdout.split('\n').filter(Boolean).length;
  return changes > 0 ? [finding('uncommitted', { changes }, setting)] : [];
}

/**
 * Why a program cannot be started; null when it can.
 *
 * @param program a bare name, which is looked for on the search path, or a path as seen from where it runs
 */
async function examineProgram(program: string, cwd: string, searchPath: string): Promise<Finding | null> {
  if (program.includes('/')) {
    const path = resolve(cwd, program);
    if (!(await isThere(path))) return finding('fileMissing', { path });
    return (await isExecutable(path)) ? null : finding('notExecutable', { path });
  }
  for (const folder of searchPath.split(delimiter).filter(Boolean)) {
    if (await isExecutable(join(folder, program))) return null;
  }
  return finding('programMissing', { program });
}

/** What an interpreter is to run: `python train.py`, `python -m scripts.train`, `bash train.sh`. */
async function examineScript([program = '', ...args]: readonly string[], cwd: string): Promise<Finding | null> {
  const name = program.split('/').at(-1) ?? '';
  if (/^(ba|z|da)?sh$|^Rscript$|^julia$|^node$/.test(name)) return await examineFile(args[0], cwd);
  if (!/^python[\d.]*$/.test(name)) return null;
  // Only options without a value are skipped: `python -u train.py`.
  const first = args.findIndex((arg) => !/^-[ubBdEiIOPqsSvx]+$/.test(arg));
  return args[first] === '-m' ? await examineModule(args[first + 1], cwd) : await examineFile(args[first], cwd);
}

/** A name that is only known when the step runs cannot be looked for. */
async function examineFile(script: string | undefined, cwd: string): Promise<Finding | null> {
  if (!script || script.startsWith('-') || isUnknown(script)) return null;
  const path = resolve(cwd, script);
  return (await isThere(path)) ? null : finding('fileMissing', { path });
}

/** A module outside the project is an installed one. */
async function examineModule(module: string | undefined, folder: string): Promise<Finding | null> {
  const parts = (module ?? '').split('.');
  if (!module || parts.length < 2 || !(await isFolder(join(folder, parts[0] as string)))) return null;
  const tried = [`${join(folder, ...parts)}.py`, join(folder, ...parts, '__main__.py')];
  const found = (await Promise.all(tried.map(isThere))).includes(true);
  return found ? null : finding('moduleMissing', { module, folder, tried });
}

/** Whether a sample names something that is only known when it runs. */
const isUnknown = (text: string) => /<[\w.-]+>/.test(text);

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function isExecutable(path: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false;
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
