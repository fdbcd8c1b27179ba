import { type Dag, detectDags } from './detect/airflow.ts';
import { type Api, detectApi } from './detect/api.ts';
import { type DataFound, detectData } from './detect/data.ts';
import { type Dockerfile, detectDockerfiles, detectServices, type Service } from './detect/docker.ts';
import { detectEnvironment, type Environment } from './detect/environment.ts';
import { type CiWorkflow, detectCi } from './detect/github.ts';
import { detectNotebooks, notebookSources } from './detect/notebooks.ts';
import { detectScripts, type Script, type Usage, withRole } from './detect/scripts.ts';
import { invocations } from './detect/shell.ts';
import { detectTracking, type Tracking } from './detect/tracking.ts';
import { readSources } from './sources.ts';
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
  /** What could not be read, in words. */
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
