import { counted } from '../../doctor/lib/words.ts';
import type { Style } from '../cli.ts';
import { asTyped } from '../help.ts';
import type { PlannedModel, Report } from './check.ts';
import type { PlannedStage, PlannedStep } from './plan.ts';
import { remarkLines } from './remark.ts';
import type { PlannedSchedule } from './schedules.ts';

/** All that was found, for a reader: what is wrong first, then what would be run. */
export function reportLines(
  { file, remarks, models, schedules, servers }: Report,
  cwd: string,
  style: Style,
): string[] {
  const problems = remarks.filter(({ level }) => level === 'problem').length;
  const warnings = counted(remarks.length - problems, 'warning');
  const verdict =
    problems > 0
      ? style('red', `${counted(problems, 'problem')}, ${warnings}.`)
      : style('green', `It can be used; ${warnings}.`);
  return [
    ...remarks.flatMap((one) => [...remarkLines(one, cwd, style), '']),
    ...models.flatMap((model) => modelLines(model, style)),
    ...(schedules.length > 0 ? [style('bold', 'Schedules'), ...schedules.flatMap(scheduleLines), ''] : []),
    ...servers.filter(({ answers }) => answers).map(({ name, text }) => `${name}: ${text}`),
    `${file ?? 'No mediwatch.yaml: the defaults hold'}: ${verdict} Nothing was started or changed.`,
  ];
}

function modelLines({ registeredModel, stages }: PlannedModel, style: Style): string[] {
  const head = style('bold', `${registeredModel}: what a retrain would do`);
  return [head, ...stages.flatMap((stage) => stageLines(stage, style)), ''];
}

export function stageLines({ title, does, before, steps, after }: PlannedStage, style: Style): string[] {
  const extra = (step: PlannedStep) => stepLines(step, style, 'extra step ');
  return [
    ...before.flatMap(extra),
    `  ${style('bold', title)}: ${does}`,
    ...steps.flatMap((step) => stepLines(step, style)),
    ...after.flatMap(extra),
  ];
}

function stepLines(
  { name, how, command, where, timeoutSeconds, attempts, results }: PlannedStep,
  style: Style,
  kind = '',
): string[] {
  const indent = kind ? '  ' : '    ';
  if (!command) return [style('dim', `${indent}${name}: ${how}; ${results}`)];
  const limits = `up to ${span(timeoutSeconds)}, ${attempts === 1 ? 'tried once' : `tried up to ${attempts} times`}`;
  return [
    `${indent}${kind}${name}: ${command.map(asTyped).join(' ')}`,
    ...[`${where}; ${limits}`, results].filter(Boolean).map((line) => style('dim', `${indent}  ${line}`)),
  ];
}

/** `90 s`, `10 min`, `1 h`. */
function span(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function scheduleLines({ name, workflow, registeredModel, when, paused, next }: PlannedSchedule): string[] {
  const starts = next.map((time) => time.slice(0, 16).replace('T', ' '));
  return [
    `  ${name}: ${workflow} of ${registeredModel} ${when}`,
    `    ${paused ? 'paused: starts nothing' : `next ${starts.join(', ')} UTC`}`,
  ];
}
