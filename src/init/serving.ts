import { posix } from 'node:path';
import { type Entry, section, setting } from './entries.ts';
import type { Findings } from './findings.ts';
import type { Proposal } from './proposal.ts';
import type { Dockerfile } from './servers.ts';
import { modelAt } from './tracking.ts';

/** The image of the project's API. */
interface ApiImage {
  /** Loads the model from MLflow; null: every Dockerfile holds one. */
  runtime: Dockerfile | null;
  /** Holds a model; null: none does. */
  baked: Dockerfile | null;
  context: string;
  /** Repository without a tag, and where it was found. */
  image: { name: string; where: string } | null;
}

/** Finds the images among the Dockerfiles; of several the shortest path is the API's. */
function apiImage({ dockerfiles, services, ci }: Findings): ApiImage | null {
  const serving = dockerfiles.filter(({ serves }) => serves).sort((one, other) => one.path.length - other.path.length);
  const [first] = serving;
  if (!first) return null;
  const baked = serving.find(({ modelFrom, path }) => modelFrom !== null || /with_?model|baked/i.test(path)) ?? null;
  const runtime = serving.find((file) => file !== baked) ?? null;
  const service = services.find(({ build }) => serving.some(({ path }) => build?.dockerfile === path));
  const pushed = ci.find(({ images }) => images.length > 0);
  const name = untagged(service?.image ?? '') || pushed?.images[0];
  return {
    runtime,
    baked,
    context: service?.build?.context ?? '.',
    image: name ? { name, where: service?.image ? service.file : (pushed?.path ?? '') } : null,
  };
}

/** A name with variables of the shell in it is none; they may stand for its tag. */
const untagged = (image: string) => image.replace(/:([\w.-]+|\$\w+|\$\{[^}]*\})$/, '').replace(/.*\$.*/, '');

/** How the API is started without a container, and in which folder; null when nothing says. */
function apiCommand(
  { api, dockerfiles, services }: Findings,
  python: string,
): { command: string[]; cwd: string; why: string } | null {
  const started = [
    ...dockerfiles.map(({ starts, cwd, path }) => ({ starts, cwd, path })),
    ...services.map(({ command, cwd, file }) => ({ starts: command, cwd: cwd ?? '', path: file })),
  ];
  const address = ['--host', '{host}', '--port', '{port}'];
  for (const { starts, cwd, path } of started) {
    const [, server = '', application = ''] =
      /(uvicorn|gunicorn|hypercorn)\b.*?["',\s]([A-Za-z_][\w.]*:[A-Za-z_]\w*(?:\(\))?)/.exec(starts) ?? [];
    const why = `as ${path} starts it`;
    if (server === 'uvicorn') return { command: ['uvicorn', application, ...address], cwd, why };
    if (server) return { command: [server, application, '--bind', '{host}:{port}'], cwd, why };
  }
  if (!api) return null;
  const { framework, path, app, cwd } = api;
  const file = posix.relative(cwd, path);
  const module = file.replace(/\.py$/, '').replaceAll('/', '.');
  const made = (command: string[], why: string) => ({ command, cwd, why });
  if (framework === 'FastAPI')
    return made(
      ['uvicorn', `${module}:${app ?? 'FILL_IN'}`, ...address],
      app ? `${app} of ${path}` : `${path} imports FastAPI; what its application is called could not be told`,
    );
  if (framework === 'Flask')
    return made(
      ['flask', '--app', app && app !== 'app' ? `${module}:${app}` : module, 'run', ...address],
      `${app ?? 'Flask'} of ${path}`,
    );
  if (framework === 'Django')
    return made([python, 'manage.py', 'runserver', '--noreload', '{host}:{port}'], `${path} is Django's`);
  const flags = api.options.flatMap(({ flag, dest }) =>
    flag && (dest === 'host' || dest === 'port') ? [flag, `{${dest}}`] : [],
  );
  return made([python, file, ...flags, ...(api.takesPort ? ['{port}'] : [])], `${path} serves HTTP`);
}

/** Variables that an API gets from us, or that every process has. */
const GIVEN =
  /^(HOST|PORT|PATH|HOME|USER|DEBUG|MODEL_SOURCE|MODEL_VERSION|PRED_LOG_DIR|DJANGO_SECRET_KEY|API_ALLOWED_HOSTS|API_CHECK_SECRET|MLFLOW_\w+)$/;

/**
 * Variables without which the API does not start or loads another model: the value that a compose file has, or null
 * when nothing sets it.
 */
function neededVariables({ api, dockerfiles, services }: Findings): Array<[name: string, value: string | null]> {
  const inImage = new Set(dockerfiles.flatMap(({ env }) => Object.keys(env)));
  const given: Record<string, string> = Object.assign({}, ...services.map(({ env }) => env));
  return Object.entries(api?.env ?? {}).flatMap(([name, value]) => {
    const known = given[name];
    const isOpen = known === undefined && value === null;
    if (modelAt(known ?? value) !== null || (isOpen && /(^|_)MODEL_URI$/.test(name)))
      return [[name, 'models:/{model}/{version}']];
    if (value !== null || GIVEN.test(name) || inImage.has(name)) return [];
    return [[name, known === undefined || /[$]|:\/\//.test(known) ? null : known]];
  });
}

/** Routes that say something of the program or its model, and those that name one thing. */
const ABOUT_ITSELF =
  /^\/$|[<{]|\/(version|info|about|metrics|docs|openapi\.json|schema|ready\w*|live\w*|model|reload)\/?$/i;

/** The paths of an API that has others than ours; null: it has ours, or they are not known whole. */
function contractSection(api: Findings['api']): Entry | null {
  if (!api || api.routes.length === 0) return null;
  const called = (...patterns: RegExp[]) =>
    patterns.flatMap((pattern) => api.routes.filter((route) => pattern.test(route)))[0];
  const health = called(/^\/health$/, /\/(_?health\w*|livez?|live(ness)?|ready\w*|ping|status)\/?$/i);
  const predict = called(/^\/predict$/, /\/(predict\w*|score|infer(ence)?|invocations|classify|forecast)\/?$/i);
  if (health === '/health' && (predict === '/predict' || predict === undefined)) return null;
  // What is the only other route of a program predicts, whatever its path is called.
  const [other, ...more] = api.routes.filter((route) => route !== health && !ABOUT_ITSELF.test(route));
  const only = health && more.length === 0 ? other : undefined;
  return section(
    'contract',
    [
      section('health', [setting('path', health ?? '/FILL_IN')]),
      section('predict', [setting('path', predict ?? only ?? '')]),
    ],
    `The paths of ${api.path}. "mediwatch try" asks the API, and proposes where its answers have what.`,
  );
}

/** What a candidate can prove, by the routes that the API has; null: all of it, or nothing is known. */
function possibleChecks({ api }: Findings): string[] | null {
  if (!api || api.routes.length === 0 || contractSection(api)) return null;
  const has = (name: string) => api.routes.some((route) => route.split('/').includes(name));
  const checks = ['version', ...(has('schema') ? ['schema'] : []), ...(has('predict') ? ['prediction'] : [])];
  return checks.length === 3 ? null : checks;
}

/** Where the API runs, and its image where there is one. */
export function deploymentSections(proposal: Proposal): Array<Entry | null> {
  const { findings, answers } = proposal;
  if (answers.deployment === 'none' && !findings.api && findings.dockerfiles.length === 0)
    return [section('deployment', [setting('target', 'none', targetComment(findings, 'none'))], 'Where the API runs.')];
  const { venv } = findings.environment;
  const start = apiCommand(findings, venv ? 'python' : 'python3');
  const checks = possibleChecks(findings);
  const process = answers.deployment === 'process';
  const needed = neededVariables(findings);
  const open = needed.flatMap(([name, value]) => (value === null ? [name] : []));
  return [
    section(
      'deployment',
      [
        setting('target', answers.deployment, targetComment(findings, answers.deployment)),
        start
          ? setting('command', start.command, `The API, ${start.why}${process ? '.' : '; for the target process.'}`, {
              off: !process,
            })
          : null,
        start?.cwd ? setting('cwd', start.cwd, '', { off: !process }) : null,
        start && venv ? setting('venv', venv, '', { off: !process }) : null,
        checks
          ? setting(
              'checks',
              checks,
              `What a candidate must prove besides answering /health: ${findings.api?.path} has no route for the rest.`,
              { off: answers.deployment === 'none' },
            )
          : null,
        answers.deployment === 'none' ? null : contractSection(findings.api),
        process
          ? section(
              'env',
              needed.filter(([, value]) => value !== null).map(([name, value]) => setting(name, value)),
            )
          : null,
        process && open.length > 0
          ? setting(
              'passEnv',
              open,
              `${findings.api?.path} needs these variables, and the project sets them nowhere: the gateway must have them.`,
            )
          : null,
      ],
      'Where the API runs.',
    ),
    dockerSection(proposal),
  ];
}

function dockerSection({ findings, answers }: Proposal): Entry | null {
  const image = apiImage(findings);
  if (!image) return answers.deployment === 'docker' ? unknownImage() : null;
  return section(
    'docker',
    [
      setting(
        'option',
        image.runtime ? 'registry' : 'baked',
        image.runtime ? 'The image loads the model from MLflow.' : 'The image holds the model.',
      ),
      image.image
        ? setting('image', image.image.name, `Found in ${image.image.where}.`)
        : setting(
            'image',
            `${findings.name.toLowerCase().replace(/[^a-z0-9._-]+/g, '-')}-api`,
            'A name was not found; with a registry in front it can be pushed.',
          ),
      setting('context', image.context),
      image.runtime ? setting('dockerfile', image.runtime.path) : null,
      image.baked ? setting('bakedDockerfile', image.baked.path, 'With a model in it, for the option baked.') : null,
      image.baked ? modelPath(image.baked.modelFrom, image.baked.args) : null,
      setting('push', false, 'Set it to true when the image may be pushed to its registry.'),
      section(
        'env',
        neededVariables(findings).map(([name, value]) => setting(name, value ?? 'FILL_IN')),
        `${findings.api?.path ?? 'The API'} does not start without these, or loads another model.`,
      ),
    ],
    'The image of the API.',
    { off: answers.deployment !== 'docker' },
  );
}

/** Containers are wanted, and nothing says of what. */
function unknownImage(): Entry | null {
  const missing = 'No Dockerfile of an API was found in the project.';
  return section(
    'docker',
    [setting('image', 'FILL_IN', missing), setting('dockerfile', 'FILL_IN'), setting('push', false)],
    'The image of the API.',
  );
}

function modelPath(from: string | null, args: Readonly<Record<string, string>>): Entry {
  const path = from === null ? '' : (args[from] ?? from);
  const known = path !== '' && !path.includes('$');
  return setting('modelPath', known ? path : 'FILL_IN', 'Where the Dockerfile takes the model from.', { off: !known });
}

function targetComment({ api, dockerfiles }: Proposal['findings'], target: string): string {
  const image = dockerfiles.find(({ serves }) => serves)?.path;
  const found = [api ? `${api.framework} in ${api.path}` : '', image ?? ''].filter(Boolean).join(' and ');
  const what =
    {
      docker: 'In containers.',
      process: 'As a process on this host.',
      none: 'Nowhere: a retrain ends with the promotion.',
    }[target] ?? '';
  return found ? `${what} Found: ${found}.` : target === 'none' ? `${what} No API was found.` : what;
}
