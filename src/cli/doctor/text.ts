import type { Finding } from '../../doctor/finding.ts';
import { counted } from '../../doctor/lib/words.ts';
import type { CheckReport } from '../../doctor/run.ts';
import type { Style } from '../cli.ts';
import { oneLine } from '../views/text.ts';

const MARKS: Record<Finding['level'], { mark: string; colour: 'green' | 'yellow' | 'red' | 'dim' }> = {
  ok: { mark: 'ok', colour: 'green' },
  warning: { mark: 'warning', colour: 'yellow' },
  problem: { mark: 'PROBLEM', colour: 'red' },
  skipped: { mark: '-', colour: 'dim' },
};
const MARK_WIDTH = 7;

/** What was found, a line each with what mends it below, and a sentence about the whole at the end. */
export function reportLines(reports: readonly CheckReport[], style: Style): string[] {
  const shown = reports.filter(({ findings }) => findings.length > 0);
  const width = Math.max(...shown.map(({ check }) => check.length));
  const lines = shown.flatMap(({ check, findings }) =>
    findings.flatMap((finding, index) => findingLines(index === 0 ? check : '', finding, width, style)),
  );
  return [...lines, '', summary(reports, style)];
}

function findingLines(check: string, { level, text, mend }: Finding, width: number, style: Style): string[] {
  const { mark, colour } = MARKS[level];
  const indent = ' '.repeat(MARK_WIDTH + width + 4);
  return [
    `${style(colour, mark.padEnd(MARK_WIDTH))}  ${check.padEnd(width)}  ${oneLine(text)}`,
    ...(mend ? [`${indent}${style('bold', 'mend:')} ${oneLine(mend)}`] : []),
  ];
}

function summary(reports: readonly CheckReport[], style: Style): string {
  const findings = reports.flatMap((report) => report.findings);
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  if (problems > 0) return style('red', `${counted(problems, 'problem')}, ${counted(warnings, 'warning')}.`);
  return warnings > 0
    ? style('yellow', `No problem, ${counted(warnings, 'warning')}.`)
    : style('green', 'All is well.');
}
