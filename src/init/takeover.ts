import { calendarOfCron } from '../systems/schedules/cron.ts';
import { type Section, type Setting, said } from './entries.ts';
import type { Findings } from './findings.ts';
import type { Proposal } from './proposal.ts';
import type { Run } from './shell.ts';

/** A schedule of the project. */
interface Clock {
  name: string;
  /** Null: it runs neither a training nor a monitor. */
  workflow: 'retrain' | 'driftCheck' | null;
  cron: string | null;
  /** Seconds, where there is no cron expression. */
  every: number | null;
  timeZone: string | null;
  /** What starts by the clock today. */
  where: string;
}

/** What the DAGs and workflows of the project start by the clock; DAGs for testing are left out. */
function clocks(findings: Findings): Clock[] {
  const ofDags = findings.dags.flatMap(({ id, where, cron, every, timeZone, runs, testing }) => {
    const seconds = cron === null && every !== null ? Math.max(60, Math.round(every)) : null;
    const workflow = workflowOf(runs, findings);
    if (testing !== null || (cron === null && seconds === null)) return [];
    return { name: id, workflow, cron, every: seconds, timeZone, where };
  });
  const ofCi = findings.ci.flatMap(({ name, where, crons, runs }) => {
    const workflow = workflowOf(runs, findings);
    const base = workflow === 'driftCheck' ? 'nightly-drift-check' : name.toLowerCase();
    return crons.map((cron) => ({ name: base, workflow, cron, every: null, timeZone: null, where }));
  });
  const taken = new Set<string>();
  return [...ofDags, ...ofCi].map((clock, index) => {
    const base =
      clock.name
        .replace(/[^A-Za-z0-9._-]+/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, 90) || 'schedule';
    const name = taken.has(base) ? `${base}-${index + 1}` : base;
    taken.add(name);
    return { ...clock, name };
  });
}

/** What runs a training is a retrain; what runs the monitor and no training is a drift check. */
function workflowOf(runs: readonly Run[], { programs }: Findings): Clock['workflow'] {
  const roles = runs.map(({ script }) => programs.find(({ path }) => path === script)?.role ?? '');
  const repeats = runs.some(({ words }) => /^(dvc repro|mlflow run)\b/.test(words.join(' ')));
  if (repeats || roles.some((role) => /^(train|search|baseline)$/.test(role))) return 'retrain';
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
    const starts = `${where} starts ${cron === null ? `every ${every} s` : `at ${JSON.stringify(cron)}`}`;
    if (cron !== null && !isCron(cron)) return `${starts}, which is no cron expression: see schedules.`;
    return workflow === null ? `${starts} and runs neither the training nor a monitor: it is not taken over.` : [];
  });
}

export function monitoringSection({ monitor }: Proposal): Setting | undefined {
  const { path, options = [] } = monitor?.program ?? {};
  const rows = options.find(({ dest }) => dest === 'min_rows')?.default;
  const log = options.find(({ dest }) => /^(log|pred\w*)(_?(csv|path|file|dir))?$/.test(dest))?.default;
  const ours = `The default of ${path}. Without it, the log of the API that we start.`;
  return said(
    {
      minRows: said(typeof rows === 'number' && rows >= 1 ? rows : undefined, `The default of ${path}.`),
      log: said(typeof log === 'string' ? log : undefined, ours, true),
    },
    'The nightly look at drift.',
  );
}

export function schedulesSection({ findings, answers }: Proposal): Setting {
  const schedules: Section = {};
  for (const { name, workflow, cron, every, timeZone, where } of clocks(findings)) {
    if (workflow === null || (cron !== null && !isCron(cron))) continue;
    schedules[name] = said(
      {
        workflow,
        cron: cron ?? undefined,
        every: every ?? undefined,
        timeZone: timeZone !== null && timeZone !== 'UTC' && cron !== null ? timeZone : undefined,
        note: `In place of ${where}`,
      },
      `In place of ${where}: switch that one off when this one runs.`,
    );
  }
  return said(schedules, 'What starts by the clock, in UTC where no time zone is given.', !answers.schedules);
}
