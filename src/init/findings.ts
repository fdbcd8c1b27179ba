import { type CiWorkflow, type Dag, detectCi, detectDags } from './automation.ts';
import { commandsOf, declaredPipelines, type Pipeline } from './declared.ts';
import { detectEnvironment, type Environment } from './environment.ts';
import { detectPrograms, notebookSources, type Program } from './programs.ts';
import { type Api, detectApi, detectDockerfiles, detectServices, type Service, startedBy } from './servers.ts';
import { readSources } from './sources.ts';
import { describeTable, type Table } from './table.ts';
import { detectTracking, type Tracking } from './tracking.ts';
import type { ProjectView } from './view.ts';

/** All that was found in a project. */
export interface Findings {
  name: string;
  view: ProjectView;
  environment: Environment;
  /** Programs and notebooks that could be steps. */
  programs: Program[];
  /** What the project declares as one piece of work, what says most first. */
  pipelines: Pipeline[];
  tracking: Tracking;
  dags: Dag[];
  ci: CiWorkflow[];
  dockerfiles: ReturnType<typeof detectDockerfiles>;
  services: Service[];
  api: Api | null;
  /** Tables of the project, the largest first; not what steps made. */
  tables: string[];
  /** The table of a project that holds no program. */
  table: Table | null;
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

  const commands = commandsOf(view, facts);
  const dags = detectDags(facts, commands);
  const ci = detectCi(commands);
  const services = detectServices(view);
  const dockerfiles = detectDockerfiles(view, services);
  const { pipelines: declared, mentioned } = declaredPipelines(commands);
  const isDvc = ({ where }: Pipeline) => where === 'dvc.yaml';
  const production = dags.filter(({ testing }) => testing === null);
  const pipelines = [...declared.filter(isDvc), ...production, ...declared.filter((one) => !isDvc(one))];
  const runs = [...pipelines, ...dags, ...ci].flatMap((pipeline) => pipeline.runs);
  const started = startedBy(dockerfiles, services, commands);
  const programs = detectPrograms(view, facts, [...runs, ...mentioned, ...started], dags);
  const tables = tablesOf(view);
  return {
    ...{ name: view.name, view, programs, pipelines, dags, ci, dockerfiles, services, tables },
    environment: detectEnvironment(view),
    tracking: detectTracking(view, facts, services),
    api: detectApi(view, facts),
    table: programs.length === 0 && tables[0] ? await describeTable(view, tables[0]) : null,
    unread: [
      ...unreadable.map(({ path, why }) => `${path} (${why})`),
      ...texts.filter(([, text]) => text === undefined).map(([path]) => `${path} (too large, or not a text)`),
      ...(python.length > MOST_SOURCES ? [`all but the first ${MOST_SOURCES} Python files`] : []),
      ...view.leftOut,
    ],
  };
}

export const TABLE_FILE =
  /\.(csv|tsv|parquet|feather|jsonl|xlsx|npz|npy|h5|hdf5|arff|libsvm|dat|data)(\.(gz|bz2|xz|zip))?$/;
/** Data of other kinds, of which a folder is given. */
export const SAMPLE_FILE = /\.(png|jpe?g|tiff?|bmp|webp|wav|flac|mp3|dcm|nii)$/i;
/** What a step made is not what it starts from. */
const MADE =
  /(^|\/)(processed|interim|splits?|features|output|outputs|logs?|reports?|predictions?|artifacts|tests?)(\/|$)|(^|\/)(test|valid|validation|val|predictions?|pred)[\w-]*\.\w+/;

function tablesOf(view: ProjectView): string[] {
  const files = view.files.filter((path) => TABLE_FILE.test(path) && !MADE.test(path));
  return files.sort((one, other) => view.size(other) - view.size(one));
}
