import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import type { Usage } from './scripts.ts';
import { invocations, isTemplate } from './shell.ts';
import type { Facts, Task } from './sources.ts';
import type { ProjectView } from './view.ts';

/** A DAG, with its tasks in the order in which they run. */
export interface Dag {
  path: string;
  id: string;
  /** Five cron fields or @daily; null: by hand only, or `every`. */
  cron: string | null;
  /** Seconds between its runs. */
  every: number | null;
  tasks: DagTask[];
}

export interface DagTask extends Task {
  /** Tasks that come right before it. */
  after: string[];
  /** What it runs of the project's scripts; empty when it is something else. */
  usages: Usage[];
}

/** Presets of Airflow that are no cron expression for others. */
const PRESETS: Record<string, string | null> = { '@once': null, '@continuous': null, None: null };

/** The DAGs among the sources. */
export function detectDags(facts: ReadonlyMap<string, Facts>): Dag[] {
  return [...facts].flatMap(([path, { dag, tasks, edges }]) => {
    if (!dag) return [];
    const cron = dag.cron !== null && dag.cron in PRESETS ? null : dag.cron;
    const inherited = (task: Task): Task => ({
      ...task,
      retries: task.retries ?? dag.retries,
      retryDelay: task.retryDelay ?? dag.retryDelay,
      timeout: task.timeout ?? dag.timeout,
    });
    const named = tasks.map((task) => ({
      ...inherited(task),
      after: edges.filter(([, after]) => after === task.id).map(([before]) => before),
      usages: usagesOf(path, task),
    }));
    return [{ path, id: dag.id, cron, every: dag.every, tasks: inOrder(named) }];
  });
}

function usagesOf(path: string, { id, command, callable, cwd }: Task): Usage[] {
  const where = `${path}, task ${id}`;
  if (command !== null) {
    const folder = cwd && !isTemplate(cwd) && !cwd.startsWith('/') ? `cd ${cwd} && ` : '';
    return invocations(folder + command).map((invocation) => ({ ...invocation, where }));
  }
  // A function that was imported is called by running its module, when that is a program.
  const module = callable?.split('.').slice(0, -1).join('.').replace(/^\.+/, '');
  return module ? [{ script: { module }, args: [], cwd: '', line: `${callable}()`, where }] : [];
}

/** Each task after those that it waits for; a circle stays as it was written. */
function inOrder(tasks: DagTask[]): DagTask[] {
  const left = [...tasks];
  const done: DagTask[] = [];
  while (left.length > 0) {
    const ready = left.findIndex(({ after }) => after.every((id) => !left.some((other) => other.id === id)));
    done.push(...left.splice(Math.max(ready, 0), 1));
  }
  return done;
}

/** A workflow of GitHub Actions. */
export interface CiWorkflow {
  path: string;
  name: string;
  /** When it runs by itself, as five cron fields in UTC. */
  crons: string[];
  /** Scripts of the project that it runs. */
  usages: Usage[];
  /** Images that it builds or pushes, without their tags. */
  images: string[];
}

const CiStep = z.looseObject({
  name: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  'working-directory': z.string().optional(),
});
const File = z.looseObject({
  name: z.string().optional(),
  on: z.looseObject({ schedule: z.array(z.looseObject({ cron: z.string() })).optional() }).catch({}),
  jobs: z.record(z.string(), z.looseObject({ steps: z.array(CiStep).default([]) })).default({}),
});

/** Reads `.github/workflows`. */
export function detectCi(view: ProjectView): CiWorkflow[] {
  return view.files
    .filter((path) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path))
    .flatMap((path) => {
      const file = File.safeParse(yaml(view.text(path)));
      return file.success ? [workflow(path, file.data)] : [];
    });
}

function workflow(path: string, { name, on, jobs }: z.infer<typeof File>): CiWorkflow {
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  const usages = steps.flatMap(({ run = '', 'working-directory': folder }) =>
    invocations(folder ? run.replace(/^/gm, `cd ${folder} && `) : run).map((each) => ({ ...each, where: path })),
  );
  const texts = steps.flatMap((step) => [step.run ?? '', ...Object.values(step.with ?? {}).map(String)]);
  return {
    path,
    name: name ?? path,
    crons: (on.schedule ?? []).map(({ cron }) => cron),
    usages,
    images: images(texts),
  };
}

/** Names such as ghcr.io/owner/name: a registry, and at least one part after it. */
const IMAGE = /\b((?:[\w-]+\.)+[\w-]+(?::\d+)?(?:\/[\w.-]+)+)(?::[\w.-]+)?/g;
const REGISTRIES =
  /^(ghcr\.io|docker\.io|quay\.io|gcr\.io|[\w-]+\.gcr\.io|[\w.-]+\.(amazonaws\.com|azurecr\.io|pkg\.dev))\//;

function images(texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => [...text.matchAll(IMAGE)].map(([, name = '']) => name));
  return [...new Set(found.filter((name) => REGISTRIES.test(name)))];
}

function yaml(text: string | undefined): unknown {
  try {
    return parseYaml(text ?? '');
  } catch {
    return undefined;
  }
}
