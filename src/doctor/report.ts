import type { styleText } from 'node:util';
import { inLines, placeless } from '../config/problems.ts';
import { oneLine } from '../contracts/text.ts';
import { findingText, type Severity } from '../words/findings.ts';
import { counted } from '../words/numbers.ts';
import { asTyped } from '../words/suggest.ts';
import type { PlannedStage, PlannedStep } from './plan.ts';
import type { CheckReport, ReportedFinding } from './run.ts';

type Style = (format: Parameters<typeof styleText>[0], text: string) => string;

interface Reader {
  style: Style;
  /** Files below it are named as seen from there. */
  cwd: string;
}

const MARKS: Record<Severity, { mark: string; colour: 'green' | 'yellow' | 'red' | 'dim' }> = {
  ok: { mark: 'ok', colour: 'green' },
  warning: { mark: 'warning', colour: 'yellow' },
  problem: { mark: 'PROBLEM', colour: 'red' },
  skipped: { mark: '-', colour: 'dim' },
};
const MARK_WIDTH = 7;

/** Findings, a line each: where it is, what was found, and below it what helps. */
export function findingLines(findings: readonly ReportedFinding[], { style, cwd }: Reader): string[] {
  const width = Math.max(0, ...findings.map(({ check, place }) => (place ? 0 : check.length)));
  return findings.flatMap((one, index) => {
    const { severity, check, place } = one;
    const { text, remedy } = findingText(one);
    const isFirst = place !== undefined || findings[index - 1]?.check !== check;
    const label = `${(isFirst ? check : '').padEnd(width)}  `;
    const [first = '', ...source] = (
      place ? inLines({ ...place, message: oneLine(text) }, cwd) : label + oneLine(text)
    ).split('\n');
    const { mark, colour } = MARKS[severity];
    const indent = ' '.repeat(MARK_WIDTH + 2 + (place ? 0 : width + 2));
    return [
      `${style(colour, mark.padEnd(MARK_WIDTH))}  ${first}`,
      ...source.map((line) => style('dim', line)),
      ...(remedy ? [`${indent}${style('bold', 'fix:')} ${oneLine(remedy)}`] : []),
    ];
  });
}

/** How many problems and warnings there are. */
export function summary(findings: readonly ReportedFinding[], style: Style, whenWell: string): string {
  const count = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  if (problems > 0) return style('red', `${counted(problems, 'problem')}, ${counted(warnings, 'warning')}.`);
  if (warnings > 0) return style('yellow', `No problem, ${counted(warnings, 'warning')}.`);
  return style('green', whenWell);
}

/** A finding as JSON: what it is, where, and what a reader would be shown. */
export function findingJson(one: ReportedFinding) {
  const { check, code, severity, facts, place } = one;
  const { file, line, column, variable, path } = place ?? NOWHERE;
  return { check, code, severity, facts, ...findingText(one), file, line, column, variable, setting: path };
}

const NOWHERE = { ...placeless(null), path: null };

export const reportJson = ({ findings, ...report }: CheckReport) => ({
  ...report,
  findings: findings.map(findingJson),
});

/** Whether nothing is wrong; warnings are allowed. */
export const isHealthy = (findings: readonly ReportedFinding[]) =>
  findings.every(({ severity }) => severity !== 'problem');

/** The steps of a stage as they would be run, for a terminal. */
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
