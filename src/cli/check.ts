import { examineProject, type PlannedSchedule, type ProjectReport } from '../doctor/project.ts';
import { findingJson, findingLines, stageLines, summary } from '../doctor/report.ts';
import type { Cli } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { whenText } from './schedules/list.ts';

/**
 * Checks the settings and everything that they name, and sets the exit code: 2 when something is wrong.
 *
 * @throws {CommandError} when the reader interrupts
 */
export async function checkProject(cli: Cli, { offline }: { offline: boolean }): Promise<void> {
  const { env, cwd, interrupted: signal } = cli.io;
  const report = await examineProject({ env, cwd, signal, offline });
  if (signal.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted. Nothing was changed.');
  cli.exitCode = report.usable ? EXIT.done : EXIT.usage;
  show(cli, report);
}

function show(cli: Cli, { file, findings, schedules, ...report }: ProjectReport): void {
  const planned = schedules.map(({ wanted, ...schedule }) => ({ ...schedule, when: whenText(wanted) }));
  cli.emit({ ...report, file, findings: findings.map(findingJson), schedules: planned });
  if (cli.json) return;
  const { style } = cli;
  const reader = { style, cwd: cli.io.cwd };
  const isWrong = ({ severity }: { severity: string }) => severity === 'problem' || severity === 'warning';
  const lines = [
    ...findings.filter(isWrong).flatMap((one) => [...findingLines([one], reader), '']),
    ...report.models.flatMap(({ registeredModel, stages }) => [
      style('bold', `${registeredModel}: what a retrain would do`),
      ...stages.flatMap((stage) => stageLines(stage, style)),
      '',
    ]),
    ...(planned.length > 0 ? [style('bold', 'Schedules'), ...planned.flatMap(scheduleLines), ''] : []),
    ...findings.filter((one) => !isWrong(one) && !one.place).flatMap((one) => findingLines([one], reader)),
    `${file ?? 'No mediwatch.yaml: the defaults hold'}: ${summary(findings, style, 'It can be used.')} Nothing was started or changed.`,
  ];
  for (const line of lines) cli.say(line);
}

type ShownSchedule = Omit<PlannedSchedule, 'wanted'> & { when: string };

function scheduleLines({ name, workflow, registeredModel, when, paused, next }: ShownSchedule): string[] {
  const starts = next.map((time) => time.slice(0, 16).replace('T', ' '));
  return [
    `  ${name}: ${workflow} of ${registeredModel} ${when}`,
    `    ${paused ? 'paused: starts nothing' : `next ${starts.join(', ')} UTC`}`,
  ];
}
