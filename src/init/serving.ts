import { posix } from 'node:path';
import { type Section, type Setting, said } from './entries.ts';
import type { Findings } from './findings.ts';
import type { Proposal } from './proposal.ts';
import { modelAt } from './tracking.ts';

/** How the API is started without a container, and in which folder; null when nothing says. */
function apiCommand(
  { api, dockerfiles, services }: Findings,
  python: string,
): { command: string[]; cwd: string; why: string } | null {
  const address = ['--host', '{host}', '--port', '{port}'];
  for (const { starts, cwd, path } of [
    ...dockerfiles,
    ...services.map(({ command, file }) => ({ starts: command, cwd: '', path: file })),
  ]) {
    const [, server = '', application = ''] =
      /(uvicorn|gunicorn|hypercorn)\b.*?["',\s]([A-Za-z_][\w.]*:[A-Za-z_]\w*(?:\(\))?)/.exec(starts) ?? [];
    const at = server === 'uvicorn' ? address : ['--bind', '{host}:{port}'];
    if (server) return { command: [server, application, ...at], cwd, why: `as ${path} starts it` };
  }
  if (!api) return null;
  const { framework, path, app, cwd, options, takesPort } = api;
  const file = posix.relative(cwd, path);
  const module = file.replace(/\.py$/, '').replaceAll('/', '.');
  const flags = options.flatMap(({ flag, dest }) =>
    flag && (dest === 'host' || dest === 'port') ? [flag, `{${dest}}`] : [],
  );
  const unnamed = `${path} imports FastAPI; what its application is called could not be told`;
  const [command, why] = {
    FastAPI: [['uvicorn', `${module}:${app ?? 'FILL_IN'}`, ...address], app ? `${app} of ${path}` : unnamed] as const,
    Flask: [
      ['flask', '--app', app && app !== 'app' ? `${module}:${app}` : module, 'run', ...address],
      `${app ?? 'Flask'} of ${path}`,
    ] as const,
    Django: [[python, 'manage.py', 'runserver', '--noreload', '{host}:{port}'], `${path} is Django's`] as const,
    'http.server': [[python, file, ...flags, ...(takesPort ? ['{port}'] : [])], `${path} serves HTTP`] as const,
  }[framework];
  return { command: [...command], cwd, why };
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

/** The paths of an API that has others than ours, else what a candidate can prove by its routes. */
function routeSettings({ api, target }: { api: Findings['api']; target: string }): Section {
  if (!api || api.routes.length === 0) return {};
  const called = (...patterns: RegExp[]) =>
    patterns.flatMap((pattern) => api.routes.filter((route) => pattern.test(route)))[0];
  const health = called(/^\/health$/, /\/(_?health\w*|livez?|live(ness)?|ready\w*|ping|status)\/?$/i);
  const predict = called(/^\/predict$/, /\/(predict\w*|score|infer(ence)?|invocations|classify|forecast)\/?$/i);
  if (health === '/health' && (predict === '/predict' || predict === undefined)) {
    const has = (name: string) => api.routes.some((route) => route.split('/').includes(name));
    const checks = ['version', ...(has('schema') ? ['schema'] : []), ...(has('predict') ? ['prediction'] : [])];
    const why = `What a candidate must prove besides answering /health: ${api.path} has no route for the rest.`;
    return { checks: said(checks.length === 3 ? undefined : checks, why, target === 'none') };
  }
  if (target === 'none') return {};
  // What is the only other route of a program predicts, whatever its path is called.
  const [other, ...more] = api.routes.filter((route) => route !== health && !ABOUT_ITSELF.test(route));
  const only = health && more.length === 0 ? other : undefined;
  const contract = { health: { path: health ?? '/FILL_IN' }, predict: { path: predict ?? only ?? '' } };
  const why = `The paths of ${api.path}. "mediwatch try" asks the API, and proposes where its answers have what.`;
  return { contract: said(contract, why) };
}

/** Where the API runs, and its image where there is one. */
export function deploymentSections({ findings, answers: { deployment: target } }: Proposal): Section {
  const { api, dockerfiles, environment } = findings;
  const about = 'Where the API runs.';
  const where = said(target, targetComment(findings, target));
  if (target === 'none' && !api && dockerfiles.length === 0) return { deployment: said({ target: where }, about) };
  const venv = environment.venv ?? undefined;
  const start = apiCommand(findings, venv ? 'python' : 'python3');
  const isProcess = target === 'process';
  const needed = isProcess ? neededVariables(findings) : [];
  const open = needed.flatMap(([name, value]) => (value === null ? [name] : []));
  const unset = `${api?.path} needs these variables, and the project sets them nowhere: the gateway must have them.`;
  return {
    deployment: said(
      {
        target: where,
        command: said(
          start?.command,
          `The API, ${start?.why}${isProcess ? '.' : '; for the target process.'}`,
          !isProcess,
        ),
        cwd: said(start?.cwd || undefined, '', !isProcess),
        venv: said(start ? venv : undefined, '', !isProcess),
        ...routeSettings({ api, target }),
        env: Object.fromEntries(needed.filter(([, value]) => value !== null)),
        passEnv: said(open.length > 0 ? open : undefined, unset),
      },
      about,
    ),
    docker: dockerSection(findings, target),
  };
}

/** The image of the project's API: the first of those that serve, and one with a model in it. */
function dockerSection(findings: Findings, target: string): Setting | undefined {
  const { dockerfiles, services, ci, api, name } = findings;
  const about = 'The image of the API.';
  const serving = dockerfiles.filter(({ serves }) => serves).sort((one, other) => one.path.length - other.path.length);
  if (serving.length === 0) {
    const image = said('FILL_IN', 'No Dockerfile of an API was found in the project.');
    return target === 'docker' ? said({ image, dockerfile: 'FILL_IN', push: false }, about) : undefined;
  }
  const baked = serving.find(({ modelFrom, path }) => modelFrom !== null || /with_?model|baked/i.test(path));
  const runtime = serving.find((file) => file !== baked);
  const service = services.find(({ build }) => serving.some(({ path }) => build?.dockerfile === path));
  const pushed = ci.find(({ images }) => images.length > 0);
  const image = untagged(service?.image ?? '') || pushed?.images[0];
  const from = baked?.args[baked.modelFrom ?? ''] ?? baked?.modelFrom ?? '';
  const isFrom = from !== '' && !from.includes('$');
  const needed = neededVariables(findings).map(([variable, value]) => [variable, value ?? 'FILL_IN']);
  return said(
    {
      option: runtime
        ? said('registry', 'The image loads the model from MLflow.')
        : said('baked', 'The image holds the model.'),
      image: image
        ? said(image, `Found in ${service?.image ? service.file : pushed?.path}.`)
        : said(
            `${name.toLowerCase().replace(/[^a-z0-9._-]+/g, '-')}-api`,
            'A name was not found; with a registry in front it can be pushed.',
          ),
      context: service?.build?.context ?? '.',
      dockerfile: runtime?.path,
      bakedDockerfile: said(baked?.path, 'With a model in it, for the option baked.'),
      modelPath: said(baked && (isFrom ? from : 'FILL_IN'), 'Where the Dockerfile takes the model from.', !isFrom),
      push: said(false, 'Set it to true when the image may be pushed to its registry.'),
      env: said(
        Object.fromEntries(needed),
        `${api?.path ?? 'The API'} does not start without these, or loads another model.`,
      ),
    },
    about,
    target !== 'docker',
  );
}

/** A name with variables of the shell in it is none; they may stand for its tag. */
const untagged = (image: string) => image.replace(/:([\w.-]+|\$\w+|\$\{[^}]*\})$/, '').replace(/.*\$.*/, '');

const TARGETS: Record<string, string> = {
  docker: 'In containers.',
  process: 'As a process on this host.',
  none: 'Nowhere: a retrain ends with the promotion.',
};

function targetComment({ api, dockerfiles }: Findings, target: string): string {
  const image = dockerfiles.find(({ serves }) => serves)?.path;
  const found = [api ? `${api.framework} in ${api.path}` : '', image ?? ''].filter(Boolean).join(' and ');
  if (found) return `${TARGETS[target]} Found: ${found}.`;
  return `${TARGETS[target]}${target === 'none' ? ' No API was found.' : ''}`;
}
