import { posix } from 'node:path';
import { z } from 'zod';
import { yamlOf } from './declared.ts';
import { type Commands, join, type Run, runsOf, shellAt } from './shell.ts';
import type { Facts } from './sources.ts';
import type { ProjectView } from './view.ts';

/** A Dockerfile, as far as it tells what it is for. */
interface Dockerfile {
  path: string;
  /** Build arguments with their defaults. */
  args: Record<string, string>;
  /** Environment that it sets. */
  env: Record<string, string>;
  /** What it starts: ENTRYPOINT and CMD. */
  starts: string;
  /** Folder of the project in which it starts that, by WORKDIR and COPY. */
  cwd: string;
  /** Whether it serves HTTP. */
  serves: boolean;
  /** How a model file gets into it: the build argument or file; null when it holds none. */
  modelFrom: string | null;
}

const SERVERS = /gunicorn|uvicorn|manage\.py|runserver|flask|hypercorn|daphne|waitress|fastapi|bentoml/;
const MODEL_FILE = /\S+\.(joblib|pkl|pickle|onnx|cbm|ubj)\b/;

/** Reads the project's Dockerfiles. */
export function detectDockerfiles(view: ProjectView, services: readonly Service[] = []): Dockerfile[] {
  const paths = view.files.filter((path) => /(^|\/)(Dockerfile([.-][\w.-]+)?|[\w.-]+\.Dockerfile)$/.test(path));
  return paths.flatMap((path) => {
    const text = view.text(path);
    const context = services.find(({ build }) => build?.dockerfile === path)?.build?.context;
    return text === undefined || path.endsWith('.dockerignore') ? [] : [dockerfile(view, path, text, context ?? '')];
  });
}

function dockerfile(view: ProjectView, path: string, text: string, context: string): Dockerfile {
  const instructions = [...text.replace(/\\\r?\n/g, ' ').matchAll(/^\s*([A-Za-z]+)\s+(.*?)\s*$/gm)].map(
    ([, name = '', rest = '']) => ({ name: name.toUpperCase(), rest }),
  );
  const of = (name: string) => instructions.flatMap((each) => (each.name === name ? [each.rest] : []));
  const args = Object.fromEntries(of('ARG').map(pair));
  const starts = [of('ENTRYPOINT').at(-1), of('CMD').at(-1)].filter(Boolean).join(' ');
  // An entry point is often a shell script: what it starts counts.
  const [, script] = /([\w.-]+\.sh)\b/.exec(starts) ?? [];
  const inner = view.text(view.files.find((file) => posix.basename(file) === script) ?? '') ?? '';
  const named = Object.keys(args).find((name) => /MODEL/i.test(name));
  return {
    ...{ path, args, starts, cwd: join(context, workingFolder(instructions)) },
    env: Object.fromEntries(of('ENV').flatMap((rest) => (rest.match(/\w+=("[^"]*"|\S+)/g) ?? []).map(pair))),
    serves: of('EXPOSE').length > 0 || SERVERS.test(`${starts}\n${inner}`),
    modelFrom: named ?? MODEL_FILE.exec(of('COPY').join('\n'))?.[0] ?? null,
  };
}

/** Where the folder lies in the project that is the last WORKDIR in the image. */
function workingFolder(instructions: ReadonlyArray<{ name: string; rest: string }>): string {
  let folder = '/';
  const copied: Array<[into: string, from: string]> = [];
  for (const { name, rest } of instructions) {
    if (name === 'WORKDIR') folder = posix.resolve(folder, rest);
    if (name !== 'COPY' && name !== 'ADD') continue;
    const [from = '', into = ''] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
    if (!/\.\w+$/.test(from)) copied.push([posix.resolve(folder, into), join(from)]);
  }
  const around = copied.filter(([into]) => `${folder}/`.startsWith(into === '/' ? into : `${into}/`));
  const [best] = around.sort(([one], [other]) => other.length - one.length);
  return best ? join(best[1], posix.relative(best[0], folder)) : '';
}

/** Programs of the project that its images and services start. */
export function startedBy(dockerfiles: readonly Dockerfile[], services: readonly Service[], commands: Commands): Run[] {
  const runs = (text: string, where: string, cwd: string) => runsOf(text, commands, shellAt(where, where, cwd));
  // The exec form of a command is a list: ["python", "train.py"].
  const asLine = (starts: string) => starts.replace(/\[([^\]]*)\]/g, (_, words: string) => words.replaceAll(',', ' '));
  return [
    ...services.flatMap(({ file, name, command, build }) => {
      const folder = dockerfiles.find(({ path }) => path === build?.dockerfile)?.cwd ?? '';
      return runs(command, `${file}, service ${name}`, folder);
    }),
    ...dockerfiles.flatMap(({ path, starts, cwd }) => runs(asLine(starts), path, cwd)),
  ];
}

const pair = (text: string): [string, string] => {
  const [name = '', ...value] = text.split('=');
  return [name.trim(), value.join('=').replace(/^["']|["']$/g, '')];
};

const Words = z.union([z.string(), z.array(z.coerce.string()).transform((words) => words.join(' '))]);
/** A variable that is handed through has no value. */
const Variables = z.union([
  z.array(z.string()).transform((all) => Object.fromEntries(all.filter((one) => one.includes('=')).map(pair))),
  z
    .record(z.string(), z.unknown())
    .transform((all) =>
      Object.fromEntries(Object.entries(all).flatMap(([k, v]) => (v === null ? [] : [[k, String(v)]]))),
    ),
]);
const Build = z.union([
  z.string().transform((context) => ({ context, dockerfile: undefined })),
  z.looseObject({ context: z.string().default('.'), dockerfile: z.string().optional() }),
]);
const Compose = z.looseObject({
  services: z.record(
    z.string(),
    z
      .looseObject({
        ...{ image: z.string().optional(), build: Build.optional() },
        ...{ environment: Variables.optional(), command: Words.nullish() },
      })
      .nullable(),
  ),
});

/** A service of a compose file. */
export interface Service {
  file: string;
  name: string;
  image: string | null;
  /** Folder and Dockerfile that it is built from, relative to the project. */
  build: { context: string; dockerfile: string } | null;
  env: Record<string, string>;
  command: string;
}

/** Reads the project's compose files; variables of the shell stay as they are written. */
export function detectServices(view: ProjectView): Service[] {
  const files = view.files.filter((path) => /(^|\/)(docker-)?compose([.-][\w.-]+)?\.ya?ml$/.test(path));
  return files.flatMap((file) => {
    const { data } = Compose.safeParse(yamlOf(view.text(file)));
    return Object.entries(data?.services ?? {}).map(([name, service]): Service => {
      const { image = null, build, environment: env = {}, command } = service ?? {};
      const context = posix.join(posix.dirname(file), build?.context ?? '');
      const dockerfile = posix.join(context, build?.dockerfile ?? 'Dockerfile');
      return { file, name, image, env, command: command ?? '', build: build ? { context, dockerfile } : null };
    });
  });
}

/** An HTTP API of the project. */
export interface Api {
  framework: keyof typeof FRAMEWORKS;
  /** Source that shows it. */
  path: string;
  routes: string[];
  /** Folder of the project in which it is started. */
  cwd: string;
  /** What its application is called in the source; null: nothing says. */
  app: string | null;
  /** Options of its command line, and whether it takes its port as the first argument. */
  options: Facts['options'];
  takesPort: boolean;
  /** Variables that its sources read, with their defaults. */
  env: Record<string, string | null>;
}

const FRAMEWORKS = {
  FastAPI: /^fastapi\b/,
  Flask: /^flask\b/,
  Django: /^(django|rest_framework)\b/,
  'http.server': /^http\.server$/,
} as const;

/** Finds the API by what its sources import, with all routes and variables of that framework's sources. */
export function detectApi({ files }: ProjectView, facts: ReadonlyMap<string, Facts>): Api | null {
  const sources = [...facts].filter(([path]) => !/(^|\/)tests?\//.test(path));
  for (const framework of Object.keys(FRAMEWORKS) as Array<keyof typeof FRAMEWORKS>) {
    const own = sources.filter(([, { imports }]) => imports.some((module) => FRAMEWORKS[framework].test(module)));
    const first = own.find(([, { apps, routes }]) => apps.length > 0 || routes.length > 0) ?? own[0];
    if (!first) continue;
    const [path, { apps, options, argv }] = first;
    // What the API imports from its own package reads variables too: the loader of the model, say.
    const folders = new Set(own.map(([each]) => posix.dirname(each)));
    const near = [...facts].filter(([each]) => each.includes('/') && folders.has(posix.dirname(each)));
    const mounts: Record<string, string> = Object.assign({}, ...own.map(([, { mounts }]) => mounts));
    const routes = own.flatMap(([each, { routes }]) =>
      routes.map((route) => posix.join('/', mounts[each] ?? '', route)),
    );
    const folder = join(posix.dirname(path));
    // A source that imports what lies beside it by its bare name is started where it lies.
    const isBare = own.some(([, { imports }]) => imports.some((name) => files.includes(join(folder, `${name}.py`))));
    const manage = files.find((file) => /(^|\/)manage\.py$/.test(file)) ?? '';
    return {
      ...{ framework, path, options, app: apps[0] ?? null, takesPort: argv > 0, routes: [...new Set(routes)] },
      cwd: framework === 'Django' ? join(posix.dirname(manage)) : isBare ? folder : '',
      env: Object.assign({}, ...[...near, ...own].map(([, { environment }]) => environment)),
    };
  }
  return null;
}
