import { stripVTControlCharacters, type styleText } from 'node:util';
import { inLines, placeless } from '../config/problems.ts';
import { findingText, type Severity } from '../words/findings.ts';
import { counted } from '../words/numbers.ts';
import type { CheckReport, ReportedFinding } from './run.ts';

export type Style = (format: Parameters<typeof styleText>[0], text: string) => string;

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

/** Text from elsewhere on one line, without anything that would move a cursor. */
const oneLine = (text: string) => stripVTControlCharacters(text).replace(/\s+/g, ' ').trim();
