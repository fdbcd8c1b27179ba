import { STAGES, type Stage } from '../contracts/names.ts';
import { calendarOfCron } from '../systems/schedules/cron.ts';
import type { Dag, DagTask } from './automation.ts';
import { type Entry, listing, section, setting } from './entries.ts';
import type { Findings } from './findings.ts';
import { type Proposal, started } from './proposal.ts';
import { type Role, type Usage, withRole } from './scripts.ts';
import { isTemplate } from './shell.ts';

/** A schedule of the project. */
interface Clock {
  name: string;
  workflow: 'retrain' | 'driftCheck';
  cron: string | null;
  every: number | null;
  /** What starts by the clock today. */
  where: string;
}

/** What DAGs and workflows start by the clock, as schedules of ours; a time that Temporal does not take is left out. */
function clocks(findings: Findings): Clock[] {
  return all(findings).filter(({ cron }) => cron === null || isCron(cron));
}

/** What is started by a clock that cannot be taken over. */
export function strangeClocks(findings: Findings): Clock[] {
  return all(findings).filter(({ cron }) => cron !== null && !isCron(cron));
}

function isCron(cron: string): boolean {
  try {
    calendarOfCron(cron);
    return true;
  } catch {
    return false;
  }
}

function all(findings: Findings): Clock[] {
  const monitors = withRole(findings.scripts, 'monitor').flatMap(({ usages }) => usages);
  const steps = findings.scripts
    .filter(({ role }) => role !== null && role !== 'promote')
    .flatMap(({ usages }) => usages);
  const found: Clock[] = [];
  const add = (clock: Omit<Clock, 'name'>, base: string) => {
    const taken = found.map(({ name }) => name);
    const name = (base.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || clock.workflow).slice(0, 90);
    found.push({ ...clock, name: taken.includes(name) ? `${name}-${found.length + 1}` : name });
  };
  const workflowOf = (usages: readonly Usage[]) =>
    usages.length > 0 && usages.every((usage) => monitors.includes(usage)) ? 'driftCheck' : 'retrain';
  for (const { id, path, cron, every, tasks } of findings.dags) {
    if (cron === null && every === null) continue;
    const own = tasks.flatMap(({ usages }) => usages).filter((usage) => steps.includes(usage));
    add(
      {
        workflow: workflowOf(own),
        cron,
        every: cron === null && every !== null ? Math.max(60, Math.round(every)) : null,
        where: `the DAG ${id} (${path})`,
      },
      id,
    );
  }
  for (const { path, name, crons, usages } of findings.ci) {
    const own = usages.filter((usage) => steps.includes(usage));
    if (own.length === 0) continue;
    const workflow = workflowOf(own);
    for (const cron of crons)
      add(
        { workflow, cron, every: null, where: `the workflow "${name}" (${path})` },
        workflow === 'driftCheck' ? 'nightly-drift-check' : name.toLowerCase(),
      );
  }
  return found;
}

/** A task of a DAG that is none of the steps. */
interface ExtraTask {
  name: string;
  where: string;
  /** How the project's script is started; null: the task runs none. */
  command: string[] | null;
  /** What it is, for one that has no command. */
  what: string;
  after: string;
}

const STAGE_OF: Partial<Record<Role, Stage>> = {
  prepare: 'prepareData',
  search: 'hyperparameterSearch',
  train: 'trainBestAndRegister',
  baseline: 'trainBestAndRegister',
  evaluate: 'trainBestAndRegister',
  promote: 'promote',
  monitor: 'redeploy',
};

/** Tasks that no stage does, each after the stage or task that it came after. */
export function extraTasks(findings: Findings): ExtraTask[] {
  const [dag] = findings.dags;
  if (!dag) return [];
  const found: ExtraTask[] = [];
  for (const task of dag.tasks) {
    if (roleOf(findings, dag, task)) continue;
    const command = commandOf(findings, dag, task);
    const name = nameOf(task.id, [...STAGES, ...found.map((extra) => extra.name)]);
    const before = task.after
      .map((id) => dag.tasks.find((other) => other.id === id))
      .find((other) => other !== undefined);
    const role = before && roleOf(findings, dag, before);
    const earlier =
      before && found.find((extra) => extra.command !== null && extra.where === `${dag.path}, task ${before.id}`);
    found.push({
      name,
      where: `${dag.path}, task ${task.id}`,
      command,
      what: whatOf(task),
      after: (role && STAGE_OF[role]) ?? earlier?.name ?? 'prepareData',
    });
  }
  return found;
}

/** The id as the name of an extra step, which must not be that of a stage or of another one. */
function nameOf(id: string, taken: readonly string[]): string {
  const name = id.replace(/[^\w.-]+/g, '-').slice(0, 50);
  if (!taken.includes(name)) return name;
  return nameOf(`${name}-${taken.filter((other) => other.startsWith(name)).length + 1}`, taken);
}

/** By the script that it runs; a function in the DAG itself by its name. */
function roleOf({ scripts }: Findings, dag: Dag, task: DagTask): Role | null {
  const where = `${dag.path}, task ${task.id}`;
  return (
    scripts.find(({ usages, role }) => role !== null && usages.some((usage) => usage.where === where))?.role ?? null
  );
}

function commandOf(findings: Findings, dag: Dag, task: DagTask): string[] | null {
  const where = `${dag.path}, task ${task.id}`;
  const script = findings.scripts.find(({ usages }) => usages.some((usage) => usage.where === where));
  const args = task.usages[0]?.args ?? [];
  if (!script || args.some(isTemplate)) return null;
  return [...started(script, findings), ...args.map((word) => word.replace(/[{}]/g, '$&$&'))];
}

function whatOf({ operator, command, callable }: DagTask): string {
  if (command !== null) return `runs: ${command.replace(/\s+/g, ' ').slice(0, 200)}`;
  return callable ? `calls the function ${callable}, which no command starts` : `is a ${operator}`;
}

export function extraSection({ findings }: Proposal): Entry | null {
  const [venv] = findings.environment.venvs;
  const tasks = extraTasks(findings);
  return listing(
    'extraSteps',
    tasks.flatMap(({ name, command, where, after }) =>
      command
        ? [
            [
              setting('name', name, `In place of ${where}.`),
              setting('after', after),
              setting('command', command),
              venv ? setting('venv', venv) : null,
            ],
          ]
        : [],
    ),
    'What the DAG does besides.',
  );
}

export function monitoringSection({ monitor }: Proposal): Entry | null {
  if (!monitor) return null;
  const rows = monitor.script.options.find(({ dest }) => dest === 'min_rows')?.default;
  const log = monitor.script.options.find(({ dest }) => /^(log|pred\w*)(_?(csv|path|file|dir))?$/.test(dest))?.default;
  return section(
    'monitoring',
    [
      typeof rows === 'number' && rows >= 1 ? setting('minRows', rows, `The default of ${monitor.script.path}.`) : null,
      typeof log === 'string'
        ? setting('log', log, `The default of ${monitor.script.path}. Without it, the log of the API that we start.`, {
            off: true,
          })
        : setting('log', 'logs/predictions.csv', 'Without it, the log of the API that we start.', { off: true }),
    ],
    'The nightly look at drift.',
  );
}

export function schedulesSection({ findings, answers }: Proposal): Entry | null {
  const found = clocks(findings).map(({ name, workflow, cron, every, where }) =>
    section(
      name,
      [
        setting('workflow', workflow),
        cron === null ? setting('every', every) : setting('cron', cron),
        setting('note', `In place of ${where}`),
      ],
      `In place of ${where}: switch that one off when this one runs.`,
    ),
  );
  const off = !answers.schedules || found.length === 0;
  const example = section('weekly-retrain', [setting('workflow', 'retrain'), setting('cron', '0 2 * * 0')]);
  return section(
    'schedules',
    found.length > 0 ? found : [example],
    found.length > 0 ? 'What starts by the clock, in UTC.' : 'Nothing that starts by the clock was found. An example:',
    { off },
  );
}
