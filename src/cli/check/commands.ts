import { resolve } from 'node:path';
import { execa } from 'execa';
import { type Config, forModel, fromRoot, type Located, modelNames } from '../../config.ts';
import { STEPS } from '../../contracts/plans.ts';
import type { Path } from '../../contracts/schemas.ts';
import { counted } from '../../doctor/lib/words.ts';
import { programOf } from '../../systems/steps/environment.ts';
import { type CommandSettings, extraStepSettings } from '../../systems/steps/index.ts';
import type { Io } from '../cli.ts';
import { examineImage } from './images.ts';
import type { Plan } from './plan.ts';
import { isFolder, isThere, isUnknown, programProblem, scriptProblem } from './programs.ts';
import { type Remark, remark, type Spot } from './remark.ts';
import { sampleOf } from './samples.ts';

/** A command of the project, and where it stands. */
interface Found {
  settings: CommandSettings;
  path: Path;
}

interface World {
  io: Io;
  /** Whether Docker is left alone. */
  offline: boolean;
}

/** Looks for everything that the commands of all models need, and starts none of them. */
export async function examineCommands(
  { config, placeOf }: Located,
  plans: readonly Plan[],
  world: World,
): Promise<Remark[]> {
  const found = modelNames(config).flatMap((name, index) => {
    const own = forModel(config, name);
    const plan = plans[index] as Plan;
    return commandsOf(config, own, name).map((command) => ({ ...command, own, plan }));
  });
  const remarks = await Promise.all(
    found.map(({ settings, path, own, plan }) => examine(own, plan, settings, { placeOf, path }, world)),
  );
  return remarks.flat();
}

function commandsOf(config: Config, own: Config, name: string): Found[] {
  // What a model has like all others stands where it was said for all.
  const prefix = (mine: unknown, all: unknown) =>
    JSON.stringify(mine) === JSON.stringify(all) ? [] : ['models', name];
  const steps = STEPS.flatMap((step): Found[] => {
    const { skip: _, command, ...settings } = own.steps[step];
    if (!command) return [];
    const path = [...prefix(own.steps[step], config.steps[step]), 'steps', step];
    return [{ settings: { ...settings, command, name: `steps.${step}` }, path }];
  });
  const extra = own.extraSteps.map((step, index): Found => {
    const path = [...prefix(own.extraSteps, config.extraSteps), 'extraSteps', index];
    return { settings: extraStepSettings(step), path };
  });
  return [...steps, ...extra];
}

async function examine(
  config: Config,
  plan: Plan,
  settings: CommandSettings,
  spot: Spot,
  { io, offline }: World,
): Promise<Remark[]> {
  const { image, venv, python, isolate } = settings;
  const cwd = resolve(config.root, settings.cwd ?? '.');
  const problem = (below: Path, message: string) => [remark('problem', spot, below, message)];
  if (!(await isFolder(cwd))) return problem(['cwd'], `there is no folder ${cwd}`);
  const isolation = isolate === 'worktree' ? await examineWorktree(config, spot) : [];
  if (image) return [...isolation, ...(offline ? [] : await examineImage(image, spot))];
  if (venv && !(await isThere(resolve(fromRoot(config, venv), 'bin', 'python')))) {
    const folder = fromRoot(config, venv);
    const why = (await isFolder(folder)) ? 'has no bin/python' : 'is not there';
    return [...isolation, ...problem(['venv'], `${folder} ${why}: make it with "python3 -m venv ${venv}"`)];
  }
  const sample = sampleOf(settings.command, config, plan);
  const program = programOf(config, settings, sample);
  const path = program.env.PATH ?? io.env.PATH ?? '';
  const [name = ''] = program.command;
  const missing = isUnknown(name) ? null : await programProblem(name, { cwd, path });
  if (missing) return [...isolation, ...problem(python ? ['python'] : ['command', 0], missing)];
  const noScript = await scriptProblem(program.command, cwd);
  return [...isolation, ...(noScript ? problem(['command'], noScript) : [])];
}

/** A worktree holds what is committed, and nothing else. */
async function examineWorktree({ root }: Config, spot: Spot): Promise<Remark[]> {
  const git = async (...args: string[]) => await execa('git', args, { cwd: root, reject: false });
  const head = await git('rev-parse', '--verify', '--quiet', 'HEAD');
  if (head.failed) {
    const why = `${root} is no git checkout with a commit: commit it, or use "isolate: copy"`;
    return [remark('problem', spot, ['isolate'], why)];
  }
  const { stdout } = await git('status', '--porcelain', '--', '.');
  const changed = stdout.split('\n').filter(Boolean).length;
  const message = `${counted(changed, 'change')} in the checkout: a worktree has only what is committed`;
  return changed > 0 ? [remark('warning', spot, ['isolate'], message)] : [];
}
