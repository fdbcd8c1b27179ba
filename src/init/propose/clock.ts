import { calendarOfCron } from '../../systems/schedules/cron.ts';
import { type Usage, withRole } from '../detect/scripts.ts';
import type { Findings } from '../findings.ts';

/** A schedule of the project. */
export interface Clock {
  name: string;
  workflow: 'retrain' | 'driftCheck';
  cron: string | null;
  every: number | null;
  /** What starts by the clock today. */
  where: string;
}

/** What DAGs and workflows start by the clock, as schedules of ours; a time that Temporal does not take is left out. */
export function clocks(findings: Findings): Clock[] {
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
