import { calendarOfCron } from '../systems/schedules/cron.ts';
import { type Entry, section, setting } from './entries.ts';
import type { Findings } from './findings.ts';
import type { Proposal } from './proposal.ts';
import type { Run } from './shell.ts';

/** A schedule of the project. */
interface Clock {
  name: string;
  /** Null: it runs neither a training nor a monitor. */
  workflow: 'retrain' | 'driftCheck' | null;
  cron: string | null;
  every: number | null;
  timeZone: string | null;
  /** What starts by the clock today. */
  where: string;
}

/** What the DAGs and workflows of the project start by the clock; DAGs for testing are left out. */
function clocks(findings: Findings): Clock[] {
  const found: Clock[] = [];
  const add = (clock: Omit<Clock, 'name'>, base: string) => {
    const taken = found.map(({ name }) => name);
    const name = (base.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'schedule').slice(0, 90);
    found.push({ ...clock, name: taken.includes(name) ? `${name}-${found.length + 1}` : name });
  };
  for (const { id, where, cron, every, timeZone, runs, testing } of findings.dags) {
    if ((cron === null && every === null) || testing !== null) continue;
    const seconds = cron === null && every !== null ? Math.max(60, Math.round(every)) : null;
    add({ workflow: workflowOf(runs, findings), cron, every: seconds, timeZone, where }, id);
  }
  for (const { name, where, crons, runs } of findings.ci) {
    const workflow = workflowOf(runs, findings);
    const base = workflow === 'driftCheck' ? 'nightly-drift-check' : name.toLowerCase();
    for (const cron of crons) add({ workflow, cron, every: null, timeZone: null, where }, base);
  }
  return found;
}

/** What runs a training is a retrain; what runs the monitor and no training is a drift check. */
function workflowOf(runs: readonly Run[], { programs }: Findings): Clock['workflow'] {
  const roles = runs.map(({ script }) => programs.find(({ path }) => path === script)?.role);
  const repeats = runs.some(
    ({ words: [program, what] }) => (program === 'dvc' && what === 'repro') || (program === 'mlflow' && what === 'run'),
  );
  if (repeats || roles.some((role) => role === 'train' || role === 'search' || role === 'baseline')) return 'retrain';
  return roles.includes('monitor') ? 'driftCheck' : null;
}

function isCron(cron: string): boolean {
  try {
    calendarOfCron(cron);
    return true;
  } catch {
    return false;
  }
}

/** What starts by the clock and is not taken over, with the reason. */
export function strangeClocks(findings: Findings): string[] {
  return clocks(findings).flatMap(({ where, cron, every, workflow }) => {
    const when = cron === null ? `every ${every} s` : JSON.stringify(cron);
    if (cron !== null && !isCron(cron))
      return [`${where} starts at ${when}, which is no cron expression: see schedules.`];
    return workflow === null
      ? [`${where} starts at ${when} and runs neither the training nor a monitor: it is not taken over.`]
      : [];
  });
}

export function monitoringSection({ monitor }: Proposal): Entry | null {
  if (!monitor) return null;
  const { path, options } = monitor.program;
  const rows = options.find(({ dest }) => dest === 'min_rows')?.default;
  const log = options.find(({ dest }) => /^(log|pred\w*)(_?(csv|path|file|dir))?$/.test(dest))?.default;
  return section(
    'monitoring',
    [
      typeof rows === 'number' && rows >= 1 ? setting('minRows', rows, `The default of ${path}.`) : null,
      typeof log === 'string'
        ? setting('log', log, `The default of ${path}. Without it, the log of the API that we start.`, { off: true })
        : null,
    ],
    'The nightly look at drift.',
  );
}

export function schedulesSection({ findings, answers }: Proposal): Entry | null {
  const usable = clocks(findings).filter(({ cron, workflow }) => workflow !== null && (cron === null || isCron(cron)));
  const found = usable.map(({ name, workflow, cron, every, timeZone, where }) =>
    section(
      name,
      [
        setting('workflow', workflow),
        cron === null ? setting('every', every) : setting('cron', cron),
        timeZone !== null && timeZone !== 'UTC' && cron !== null ? setting('timeZone', timeZone) : null,
        setting('note', `In place of ${where}`),
      ],
      `In place of ${where}: switch that one off when this one runs.`,
    ),
  );
  if (found.length === 0) return null;
  return section('schedules', found, 'What starts by the clock, in UTC where no time zone is given.', {
    off: !answers.schedules,
  });
}
