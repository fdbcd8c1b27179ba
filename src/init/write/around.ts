import { clocks } from '../propose/clock.ts';
import { extraTasks } from '../propose/extra.ts';
import type { Proposal } from '../propose/plan.ts';
import { type Entry, listing, section, setting } from './entries.ts';

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
