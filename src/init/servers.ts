import { posix } from 'node:path';
import { z } from 'zod';
import { yamlOf } from './declared.ts';
import { type Commands, join, type Run, runsOf, shellAt } from './shell.ts';
import type { Facts } from './sources.ts';
import type { ProjectView } from './view.ts';

/** A Dockerfile, as far as it tells what it is for. */
export interface Dockerfile {
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
  return view.files
    .filter(
      (path) => /(^|\/)(Dockerfile([.-][\w.-]+)?|[\w.-]+\.Dockerfile)$/.test(path) && !path.endsWith('.dockerignore'),
    )
    .flatMap((path) => {
      const text = view.text(path);
      const context = services.find(({ build }) => build?.dockerfile === path)?.build?.context;
      return text === undefined ? [] : [dockerfile(view, path, text, context ?? '')];
    });
}

function dockerfile(view: ProjectView, path: string, text: string, context: string): Dockerfile {
  const instructions = text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => /^\s*([A-Za-z]+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = '', rest = '']) => ({ name: name.toUpperCase(), rest: rest.trim() }));
  const of = (name: string) => instructions.filter((each) => each.name === name).map(({ rest }) => rest);
  const args = Object.fromEntries(of('ARG').map((rest) => pair(rest)));
  const starts = [of('ENTRYPOINT').at(-1), of('CMD').at(-1)].filter((rest) => rest !== undefined).join(' ');
  return {
    path,
    args,
    env: Object.fromEntries(of('ENV').flatMap(pairs)),
    starts,
    cwd: join(context, workingFolder(instructions)),
    serves: of('EXPOSE').length > 0 || SERVERS.test(starts) || SERVERS.test(startedScript(view, path, starts)),
    modelFrom:
      Object.keys(args).find((name) => /MODEL/i.test(name)) ?? MODEL_FILE.exec(of('COPY').join('\n'))?.[0] ?? null,
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
  const at = (where: string, cwd: string) => shellAt(where, where, cwd);
  return [
    ...services.flatMap(({ file, name, command, cwd, build }) => {
      const folder = dockerfiles.find(({ path }) => path === build?.dockerfile)?.cwd ?? '';
      return runsOf(command, commands, at(`${file}, service ${name}`, cwd ?? folder));
    }),
    ...dockerfiles.flatMap(({ path, starts, cwd }) => runsOf(asLine(starts), commands, at(path, cwd))),
  ];
}

/** The exec form of a command, `["python", "train.py"]`, as a line. */
const asLine = (starts: string) => starts.replace(/\[([^\]]*)\]/g, (_all, words: string) => words.replaceAll(',', ' '));

const pair = (text: string): [string, string] => {
  const [name = '', ...value] = text.split('=');
  return [name.trim(), value.join('=').replace(/^["']|["']$/g, '')];
};
const pairs = (text: string) => [...text.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([all]) => pair(all));

/** An entry point is often a shell script beside the Dockerfile: what it starts counts. */
function startedScript(view: ProjectView, path: string, starts: string): string {
  const name = /([\w.-]+\.sh)\b/.exec(starts)?.[1];
  const file =
    name &&
    [posix.join(posix.dirname(path), name), ...view.files.filter((each) => each.endsWith(`/${name}`)), name].find(
      (each) => view.files.includes(each),
    );
  return file ? (view.text(file) ?? '') : '';
}

const Compose = z.looseObject({
  services: z.record(
    z.string(),
    z
      .looseObject({
        image: z.string().optional(),
        build: z
          .union([
            z.string().transform((context) => ({ context, dockerfile: undefined })),
            z.looseObject({ context: z.string().default('.'), dockerfile: z.string().optional() }),
          ])
          .optional(),
        environment: z.union([z.record(z.string(), z.unknown()), z.array(z.string())]).optional(),
        command: z.union([z.string(), z.array(z.coerce.string()).transform((words) => words.join(' '))]).nullish(),
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
  /** Folder of the project in which it runs; null: as its image has it. */
  cwd: string | null;
}

/** Reads the project's compose files; variables of the shell stay as they are written. */
export function detectServices(view: ProjectView): Service[] {
  return view.files
    .filter((path) => /(^|\/)(docker-)?compose([.-][\w.-]+)?\.ya?ml$/.test(path))
    .flatMap((file) => services(view, file));
}

function services(view: ProjectView, file: string): Service[] {
  const compose = Compose.safeParse(yamlOf(view.text(file)));
  if (!compose.success) return [];
  const folder = posix.dirname(file);
  return Object.entries(compose.data.services).map(([name, service]) => {
    const { image, build, environment = {}, command } = service ?? {};
    const context = build && posix.join(folder, build.context);
    const env = Array.isArray(environment)
      ? environment.filter((entry) => entry.includes('=')).map(pair)
      : Object.entries(environment).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)] as const]));
    return {
      file,
      name,
      image: image ?? null,
      build: build && context ? { context, dockerfile: posix.join(context, build.dockerfile ?? 'Dockerfile') } : null,
      env: Object.fromEntries(env),
      command: command ?? '',
      cwd: null,
    };
  });
}

/** An HTTP API of the project. */
export interface Api {
  framework: 'FastAPI' | 'Flask' | 'Django' | 'http.server';
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
  for (const framework of Object.keys(FRAMEWORKS) as Array<keyof typeof FRAMEWORKS>) {
    const own = [...facts].filter(
      ([path, { imports }]) =>
        !/(^|\/)tests?\//.test(path) && imports.some((module) => FRAMEWORKS[framework].test(module)),
    );
    const [first] = own;
    if (!first) continue;
    // What the API imports from its own package reads variables too: the loader of the model, say.
    const folders = new Set(own.map(([path]) => path.split('/').slice(0, -1).join('/')));
    const near = [...facts].filter(
      ([path]) => folders.has(path.split('/').slice(0, -1).join('/')) && path.includes('/'),
    );
    const mounts: Record<string, string> = Object.assign({}, ...own.map(([, { mounts }]) => mounts));
    const routes = [
      ...new Set(
        own.flatMap(([path, { routes }]) => routes.map((route) => posix.join('/', mounts[path] ?? '', route))),
      ),
    ];
    const [path, { apps, options, argv }] =
      own.find(([, { apps, routes }]) => apps.length > 0 || routes.length > 0) ?? first;
    const folder = join(posix.dirname(path));
    // A source that imports what lies beside it by its bare name is started where it lies.
    const isBare = own.some(([, { imports }]) => imports.some((name) => files.includes(join(folder, `${name}.py`))));
    const manage = files.find((file) => /(^|\/)manage\.py$/.test(file));
    const cwd = framework === 'Django' ? join(posix.dirname(manage ?? '')) : isBare ? folder : '';
    return {
      ...{ framework, path, routes, options, cwd, app: apps[0] ?? null, takesPort: argv > 0 },
      env: Object.assign({}, ...[...near, ...own].map(([, { environment }]) => environment)),
    };
  }
  return null;
}
