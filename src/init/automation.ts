import { posix } from 'node:path';
import { z } from 'zod';
import { inOrder, type Pipeline, yamlOf } from './declared.ts';
import { type Commands, isTemplate, type Run, run, runsOf, shellAt } from './shell.ts';
import type { Doing, Facts, Task } from './sources.ts';

/** A DAG, with its tasks in the order in which they run. */
export interface Dag extends Pipeline {
  path: string;
  id: string;
  /** Five cron fields or @daily; null: by hand only, or `every`. */
  cron: string | null;
  /** Seconds between its runs. */
  every: number | null;
  timeZone: string | null;
  /** Why it is not for production; null: it is. */
  testing: string | null;
  /** Tasks that call a function: what that does, by the task's name. */
  functions: ReadonlyMap<string, Doing>;
  /** Tasks that run nothing that can be told, with what they are. */
  strange: Array<{ id: string; what: string }>;
}

/** Presets of Airflow that are no cron expression for others. */
const PRESETS = /^(@once|@continuous|None)$/;
/** Operators that do nothing by themselves. */
const NOTHING = /^(Empty|Dummy|LatestOnly)Operator$/;
const TESTING = /(^|[^a-z])(testing|tests?|dev(elopment)?|developers?|sandbox|demo|example|scratch)($|[^a-z])/i;

/** The DAGs among the sources. */
export function detectDags(facts: ReadonlyMap<string, Facts>, commands: Commands): Dag[] {
  return [...facts].flatMap(([path, { dags }]) =>
    dags.map(({ id, cron, every, timeZone, tags, tasks, edges, ...common }): Dag => {
      const ordered = inOrder(tasks, (one, other) => edges.some(([a, b]) => a === other.id && b === one.id));
      const runs = ordered.flatMap((task) => {
        const tried = {
          retries: task.retries ?? common.retries,
          retryDelay: task.retryDelay ?? common.retryDelay,
          timeout: task.timeout ?? common.timeout,
        };
        return runsOfTask(path, task, commands).map((one) => ({ ...one, ...tried, env: { ...task.env, ...one.env } }));
      });
      const isDone = ({ id: task, operator }: Task) => runs.some(({ name }) => name === task) || NOTHING.test(operator);
      const tag = tags.find((each) => TESTING.test(each));
      return {
        ...{ path, id, cron: PRESETS.test(cron ?? '') ? null : cron, every, timeZone, runs },
        where: `the DAG ${id} (${path})`,
        testing: tag ? `its tag is ${tag}` : null,
        functions: new Map(tasks.flatMap(({ id: task, does }) => (does ? [[task, does] as const] : []))),
        strange: ordered.flatMap((task) => (isDone(task) ? [] : [strange(task)])),
      };
    }),
  );
}

function strange({ id, operator, command, callable }: Task) {
  if (command !== null) return { id, what: `runs: ${command.replace(/\s+/g, ' ').slice(0, 200)}` };
  return { id, what: callable ? `calls ${callable}` : `is a ${operator}` };
}

/** A function is called by a command of ours, which needs no Airflow. */
function runsOfTask(path: string, { id, command, cwd, does }: Task, commands: Commands): Run[] {
  const shell = shellAt(`${path}, task ${id}`, id);
  if (command !== null) return runsOf(cwd && !isTemplate(cwd) ? `cd ${cwd}\n${command}` : command, commands, shell);
  const words = ['python', '-m', 'mediwatch_training', 'airflow-task', path, id];
  return does ? [{ ...run(words, commands, shell), head: words.length, script: taskOf(path, id) }] : [];
}

/** What a task that calls a function is named by. */
export const taskOf = (path: string, id: string) => `${path}, task ${id}`;

/** A workflow of GitHub Actions. */
export interface CiWorkflow extends Pipeline {
  path: string;
  name: string;
  /** When it runs by itself, as five cron fields in UTC. */
  crons: string[];
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
export function detectCi(commands: Commands): CiWorkflow[] {
  const { view } = commands;
  const files = view.files.filter((path) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path));
  return files.flatMap((path) => {
    const { data } = File.safeParse(yamlOf(view.text(path)));
    if (!data) return [];
    const name = data.name ?? posix.basename(path).replace(/\.ya?ml$/, '');
    const steps = Object.values(data.jobs).flatMap((job) => job.steps);
    const runs = steps.flatMap(({ run: text = '', 'working-directory': folder = '' }) =>
      runsOf(text, commands, shellAt(path, name, folder.replace(/^\.\//, ''))),
    );
    const texts = steps.flatMap((step) => [step.run ?? '', ...Object.values(step.with ?? {}).map(String)]);
    const crons = (data.on.schedule ?? []).map(({ cron }) => cron);
    return { path, name, crons, runs, images: images(texts), where: `the workflow "${name}" (${path})` };
  });
}

/** Names such as ghcr.io/owner/name: a registry, and at least one part after it. */
const IMAGE = /\b((?:[\w-]+\.)+[\w-]+(?::\d+)?(?:\/[\w.-]+)+)(?::[\w.-]+)?/g;
const REGISTRIES =
  /^(ghcr\.io|docker\.io|quay\.io|gcr\.io|[\w-]+\.gcr\.io|[\w.-]+\.(amazonaws\.com|azurecr\.io|pkg\.dev))\//;

function images(texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => [...text.matchAll(IMAGE)].map(([, name = '']) => name));
  return [...new Set(found.filter((name) => REGISTRIES.test(name)))];
}
