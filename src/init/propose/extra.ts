import { STAGES, type Stage } from '../../contracts/names.ts';
import type { Dag, DagTask } from '../detect/airflow.ts';
import type { Role } from '../detect/roles.ts';
import { isTemplate } from '../detect/shell.ts';
import type { Findings } from '../findings.ts';
import { started } from './plan.ts';

/** A task of a DAG that is none of the steps. */
export interface ExtraTask {
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
