import { type CiWorkflow, type Dag, detectCi, detectDags } from './automation.ts';
import { detectEnvironment, type Environment } from './environment.ts';
import { detectNotebooks, detectScripts, notebookSources, type Script, type Usage, withRole } from './scripts.ts';
import { type Api, type Dockerfile, detectApi, detectDockerfiles, detectServices, type Service } from './servers.ts';
import { invocations } from './shell.ts';
import { readSources } from './sources.ts';
import { detectTracking, type Tracking } from './tracking.ts';
import type { ProjectView } from './view.ts';

/** All that was found in a project. */
export interface Findings {
  name: string;
  environment: Environment;
  /** Programs and notebooks that could be steps. */
  scripts: Script[];
  tracking: Tracking;
  dags: Dag[];
  ci: CiWorkflow[];
  dockerfiles: Dockerfile[];
  services: Service[];
  api: Api | null;
  data: DataFound | null;
  /** What could not be read, as text. */
  unread: string[];
}

const MOST_SOURCES = 2_000;

/** Looks at a project; nothing of it is run. */
export async function examine(view: ProjectView): Promise<Findings> {
  const python = view.files.filter((path) => path.endsWith('.py'));
  const texts = python.slice(0, MOST_SOURCES).map((path) => [path, view.text(path)] as const);
  const readable = texts.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { facts, unreadable } = await readSources(new Map([...readable, ...notebookSources(view)]));

  const dags = detectDags(facts);
  const ci = detectCi(view);
  const services = detectServices(view);
  const usages = [
    ...dags.flatMap(({ tasks }) => tasks.flatMap((task) => task.usages)),
    ...ci.flatMap((each) => each.usages),
    ...documented(view),
  ];
  const scripts = [...detectScripts(view, facts, usages), ...detectNotebooks(view, facts)];
  const readers = (['prepare', 'train', 'search'] as const).flatMap((role) => withRole(scripts, role));
  return {
    name: view.name,
    environment: detectEnvironment(view),
    scripts,
    tracking: detectTracking(view, facts, services),
    dags,
    ci,
    dockerfiles: detectDockerfiles(view),
    services,
    api: detectApi(facts),
    data: detectData(view, readers),
    unread: [
      ...unreadable.map(({ path, why }) => `${path} (${why})`),
      ...texts.filter(([, text]) => text === undefined).map(([path]) => `${path} (too large, or not a text)`),
      ...(python.length > MOST_SOURCES ? [`all but the first ${MOST_SOURCES} Python files`] : []),
      ...view.leftOut,
    ],
  };
}

/** How people are told to start the scripts: README, Makefile and the runbook. */
function documented(view: ProjectView): Usage[] {
  const files = view.files.filter((path) =>
    /^((docs\/)?[\w.-]+\.md|Makefile|justfile|[\w.-]+\.sh|scripts\/[\w.-]+\.sh)$/.test(path),
  );
  return files.flatMap((where) => invocations(view.text(where) ?? '').map((invocation) => ({ ...invocation, where })));
}

const DATA_FILE = /\.(csv|csv\.gz|tsv|parquet|feather|jsonl)$/;
/** The data of the project. */
interface DataFound {
  path: string;
  /** Script that reads it by default; null: found by its looks. */
  reader: string | null;
  /** Whether it is there now. */
  there: boolean;
}

/** What a step made is not what it starts from. */
const MADE =
  /(^|\/)(processed|interim|splits?|features|output|outputs|logs?|reports?|predictions?|artifacts)(\/|$)|(^|\/)(train|test|valid|validation|val|predictions?|pred)[\w-]*\.\w+/;

/** The data that a run starts from: what the preparing or training script reads by default, else the largest file. */
function detectData(view: ProjectView, readers: readonly Script[]): DataFound | null {
  for (const { path, options, facts } of readers) {
    const named = options.filter(({ dest }) => /data|input|csv|raw|source|path|file/.test(dest) && !/out/.test(dest));
    for (const value of [...named.map((option) => option.default), ...facts.reads]) {
      if (typeof value === 'string' && isThere(view, value) && !MADE.test(value))
        return { path: value, reader: path, there: true };
    }
  }
  // What a script would read if somebody put it there says more than nothing.
  const [missing] = readers.flatMap(({ path, options }) =>
    options.flatMap(({ default: value }) =>
      typeof value === 'string' && DATA_FILE.test(value) && !MADE.test(value)
        ? [{ path: value, reader: path, there: false }]
        : [],
    ),
  );
  const files = view.files.filter((path) => DATA_FILE.test(path) && !MADE.test(path) && !/(^|\/)tests?\//.test(path));
  const [largest] = files.sort((one, other) => view.size(other) - view.size(one));
  return largest ? { path: largest, reader: null, there: true } : (missing ?? null);
}

function isThere(view: ProjectView, path: string): boolean {
  const own = path.replace(/^\.\//, '').replace(/\/$/, '');
  return view.files.some((file) => file === own || file.startsWith(`${own}/`));
}
