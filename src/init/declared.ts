import { posix } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { type Commands, join, type Run, run, runsOf, type Shell, shellAt } from './shell.ts';
import type { Facts } from './sources.ts';
import type { ProjectView } from './view.ts';

/** Runs that some file of the project declares as one piece of work, in their order. */
export interface Pipeline {
  where: string;
  runs: Run[];
}

/** What looks up commands in a project; a source with several subcommands is as many programs. */
export function commandsOf(view: ProjectView, facts: ReadonlyMap<string, Facts> = new Map()): Commands {
  const commands: Commands = {
    view,
    programs: consoleScripts(view),
    subcommands: new Map([...facts].map(([path, { commands }]) => [path, subcommandsOf(commands)])),
    make: (target, shell) => {
      const makefile = readMakefile(view, shell.cwd);
      return makefile ? targetRuns(makefile, target ?? makefile.first, commands, shell) : [];
    },
  };
  return commands;
}

export const subcommandsOf = (commands: Facts['commands']) =>
  Object.keys(commands).length > 1 ? Object.keys(commands) : [];

/** Everything that declares how the project's programs are run, what says most first. */
export function declaredPipelines(commands: Commands): { pipelines: Pipeline[]; mentioned: Run[] } {
  const { view } = commands;
  const pipelines = [...dvc(commands), ...mlproject(commands), ...makefile(commands), ...scripts(commands)];
  const installed = [...commands.programs.keys()].map((name) => run([name], commands, shellAt('pyproject.toml', name)));
  const documented = view.files
    .filter((path) => /^((docs\/)?[\w.-]+\.md|justfile|Taskfile\.ya?ml|tox\.ini)$/.test(path))
    .flatMap((path) => runsOf(view.text(path) ?? '', commands, shellAt(path)));
  return { pipelines, mentioned: [...documented, ...installed] };
}

const Listed = z
  .array(z.union([z.string(), z.record(z.string(), z.unknown()).transform((one) => Object.keys(one)[0] ?? '')]))
  .catch([])
  .default([]);
const Stage = z.looseObject({
  cmd: z.union([z.string(), z.array(z.string()).transform((lines) => lines.join('\n'))]),
  wdir: z.string().default(''),
  ...{ deps: Listed, outs: Listed, metrics: Listed },
});
const Looped = z.looseObject({
  foreach: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown()), z.string()]),
  do: Stage,
});
const Dvc = z.looseObject({
  vars: z.array(z.unknown()).catch([]).default([]),
  stages: z.record(
    z.string(),
    // A matrix of stages is not followed.
    z.union([
      Stage.transform((stage) => ({ do: stage, foreach: undefined })),
      Looped,
      z.unknown().transform(() => null),
    ]),
  ),
});

/** The stages of `dvc.yaml`, each after those whose files it needs. */
function dvc(commands: Commands): Pipeline[] {
  const { view } = commands;
  const { data: file } = Dvc.safeParse(yamlOf(view.text('dvc.yaml')));
  const named = (file?.vars ?? []).map((one) => (typeof one === 'string' ? yamlOf(view.text(one)) : one));
  const known = Object.assign({}, yamlOf(view.text('params.yaml')), ...named) as object;
  const stages = Object.entries(file?.stages ?? {}).flatMap(([name, stage]) => {
    if (stage === null) return [];
    if (stage.foreach === undefined) return stageOf(name, stage.do, known);
    const over = typeof stage.foreach === 'string' ? filled(stage.foreach, known) : stage.foreach;
    return Object.entries((over ?? {}) as object).map(([key, item]) => {
      const each = Array.isArray(over) && typeof item !== 'object' ? item : key;
      return stageOf(`${name}@${each}`, stage.do, { ...known, item, key });
    });
  });
  const ordered = inOrder(stages, (one, other) => one.deps.some((dep) => other.outs.some((out) => within(dep, out))));
  const runs = ordered.flatMap(({ name, cmd, wdir, outs, metrics }) => {
    const found = runsOf(cmd, commands, shellAt(`dvc.yaml, stage ${name}`, name, join(wdir)));
    return found.map((one) => ({ ...one, outs, metrics }));
  });
  return runs.length > 0 ? [{ where: 'dvc.yaml', runs }] : [];
}

/** A text with the values of its `${…}`; what is nothing but one is that value. */
function filled(text: string, known: object): unknown {
  const [, whole] = /^\$\{([^{}]+)\}$/.exec(text) ?? [];
  if (whole !== undefined) return reach(known, whole);
  return text.replace(/\$\{([\w.[\]]+)\}/g, (all, path: string) => {
    const value = reach(known, path);
    return value === undefined || typeof value === 'object' ? all : String(value);
  });
}

function stageOf(name: string, { cmd, wdir, deps, outs, metrics }: z.infer<typeof Stage>, known: object) {
  const paths = (all: string[]) => all.map((path) => join(wdir, String(filled(path, known) ?? path)));
  return {
    ...{ name, wdir, cmd: String(filled(cmd, known) ?? cmd) },
    ...{ deps: paths(deps), outs: paths([...outs, ...metrics]), metrics: paths(metrics) },
  };
}

/** Whether a path is another one or lies in it. */
export const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** A value of nested tables by its dotted path. */
export function reach(known: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter(Boolean)
    .reduce<unknown>(
      (held, key) => (typeof held === 'object' && held !== null ? Reflect.get(held, key) : undefined),
      known,
    );
}

/** Each after those that it needs; what goes round in a circle stays as it was written. */
export function inOrder<Item>(items: readonly Item[], needs: (one: Item, other: Item) => boolean): Item[] {
  const left = [...items];
  const done: Item[] = [];
  while (left.length > 0) {
    const ready = left.findIndex((one) => !left.some((other) => other !== one && needs(one, other)));
    done.push(...left.splice(Math.max(ready, 0), 1));
  }
  return done;
}

const Parameter = z.union([
  z.string().transform((type) => ({ type, default: undefined })),
  z.looseObject({
    type: z.string().default('string'),
    default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  }),
]);
const EntryPoint = z.looseObject({
  command: z.string(),
  parameters: z.record(z.string(), Parameter).catch({}).default({}),
});
const MLproject = z.looseObject({ entry_points: z.record(z.string(), EntryPoint) });

/** What stands for one of our placeholders until braces that stand for themselves are doubled. */
export const placeholder = (name: string) => `\u27e8${name}\u27e9`;

/** The entry points of `MLproject`; its numeric parameters become ours. */
function mlproject(commands: Commands): Pipeline[] {
  const { data: file } = MLproject.safeParse(yamlOf(commands.view.text('MLproject')));
  const runs = Object.entries(file?.entry_points ?? {}).flatMap(([name, { command, parameters }]) => {
    const filled = command.replace(/\{(\w+)\}/g, (all, key: string) => {
      const parameter = parameters[key];
      if (!parameter) return all;
      if (parameter.default === undefined) return /^(path|uri)$/.test(parameter.type) ? placeholder('data') : 'FILL_IN';
      const isNumber = /^(int|float|double|long)$/.test(parameter.type) && !/seed|trials/.test(key);
      return isNumber ? placeholder(`params.${key}=${parameter.default}`) : String(parameter.default);
    });
    return runsOf(filled, commands, shellAt(`MLproject, entry point ${name}`, name));
  });
  return runs.length > 0 ? [{ where: 'MLproject', runs }] : [];
}

interface Makefile {
  first: string;
  variables: Record<string, string>;
  rules: Map<string, { needs: string[]; recipe: string[] }>;
}

const isMakefile = (path: string) => /^(GNUmakefile|[Mm]akefile)$/.test(posix.basename(path));

function readMakefile(view: ProjectView, folder: string): Makefile | null {
  const text = view.text(view.files.find((path) => isMakefile(path) && join(posix.dirname(path)) === folder) ?? '');
  if (text === undefined) return null;
  const made: Makefile = { first: '', variables: { MAKE: 'make' }, rules: new Map() };
  let current: { needs: string[]; recipe: string[] } | undefined;
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const [, name, value = ''] = /^(?:export\s+)?(\w+)\s*(?:::?|\?|\+)?=\s*(.*?)\s*(?:#.*)?$/.exec(line) ?? [];
    const [, targets, needs = ''] = /^([^\s:=#][^:=#]*?)\s*::?(?!=)\s*([^#]*)/.exec(line) ?? [];
    if (line.startsWith('\t')) current?.recipe.push(line.trim().replace(/^[@+-]+/, ''));
    else if (name) made.variables[name] ??= filledMake(value, made.variables);
    else if (targets) {
      const words = filledMake(targets, made.variables).split(/\s+/);
      if (words[0]?.startsWith('.')) continue;
      current = { needs: filledMake(needs, made.variables).split(/\s+/).filter(Boolean), recipe: [] };
      made.first ||= words[0] ?? '';
      for (const word of words) made.rules.set(word, current);
    }
  }
  return made;
}

const filledMake = (text: string, known: Readonly<Record<string, string>>): string =>
  text.replace(/\$[({](\w+)[)}]/g, (all, name: string) => known[name] ?? all);

/** What making a target runs, what it needs first. */
function targetRuns(
  makefile: Makefile,
  target: string,
  commands: Commands,
  shell: Shell,
  done = new Set<string>(),
): Run[] {
  const rule = makefile.rules.get(target);
  if (!rule || done.has(target) || shell.depth > 4) return [];
  done.add(target);
  const own: Record<string, string> = { '@': target, '<': rule.needs[0] ?? '', '^': rule.needs.join(' ') };
  const known = { ...makefile.variables, ...shell.variables };
  const recipe = rule.recipe
    .map((line) => filledMake(line, known).replace(/\$([@<^])/g, (all, name: string) => own[name] ?? all))
    .map((line) => line.replaceAll('$$', '$'));
  const at = { ...shell, where: `${join(shell.cwd, 'Makefile')}, target ${target}`, name: target, variables: {} };
  return [
    ...rule.needs.flatMap((need) => targetRuns(makefile, need, commands, shell, done)),
    ...recipe.flatMap((line) => runsOf(line, commands, at)),
  ];
}

const longestFirst = (one: Pipeline, other: Pipeline) => other.runs.length - one.runs.length;

/** What `make` does, and each of its targets by itself, the longest first; that of the outermost folder before others. */
function makefile(commands: Commands): Pipeline[] {
  const folders = commands.view.files.filter(isMakefile).map((path) => join(posix.dirname(path)));
  const [first, ...others] = folders.flatMap((folder) => {
    const made = readMakefile(commands.view, folder);
    return [...new Set(made ? [made.first, ...made.rules.keys()] : [])].map((target) => ({
      where: `${join(folder, 'Makefile')}, target ${target}`,
      runs: commands.make(target, shellAt('Makefile', '', folder)),
    }));
  });
  return first ? [first, ...others.sort(longestFirst)] : [];
}

/** Shell scripts of the project, the longest first. */
function scripts(commands: Commands): Pipeline[] {
  const { view } = commands;
  const files = view.files.filter((path) => /^([\w.-]+\/){0,2}[\w.-]+\.sh$/.test(path));
  return files
    .map((where) => ({
      where,
      runs: runsOf(view.text(where) ?? '', commands, shellAt(where, posix.parse(where).name)),
    }))
    .filter(({ runs }) => runs.length > 0)
    .sort(longestFirst);
}

/** Console scripts that the project declares: the source of each. */
function consoleScripts(view: ProjectView): Map<string, string> {
  const document = tomlOf(view.text('pyproject.toml'));
  const tables = ['project.scripts', 'tool.poetry.scripts'].map((path) => reach(document, path) ?? {});
  const [, section = ''] = /console_scripts\s*=\s*\n((?:[ \t]+.*\n?)+)/.exec(view.text('setup.cfg') ?? '') ?? [];
  const [, calls = ''] = /console_scripts["']\s*[:=]\s*\[([^\]]*)\]/.exec(view.text('setup.py') ?? '') ?? [];
  const lines = [
    ...section.matchAll(/^\s+([\w.-]+)\s*=\s*(\S+)/gm),
    ...calls.matchAll(/["']\s*([\w.-]+)\s*=\s*([\w.:]+)/g),
  ];
  const declared = [...tables.flatMap(Object.entries), ...lines.map(([, name, value]) => [name, value])];
  return new Map(
    declared.flatMap(([name, value]): Array<[string, string]> => {
      const module = String(value).split(':')[0]?.replaceAll('.', '/');
      const paths = ['', 'src/'].flatMap((folder) => [`${folder}${module}.py`, `${folder}${module}/__init__.py`]);
      const found = paths.find((each) => view.files.includes(each));
      return found ? [[String(name), found]] : [];
    }),
  );
}

/** A file that cannot be parsed says nothing. */
const saying = (parse: (text: string) => unknown) => (text: string | undefined) => {
  try {
    return parse(text ?? '');
  } catch {
    return undefined;
  }
};
export const yamlOf = saying(parseYaml);
export const tomlOf = saying(parseToml);
