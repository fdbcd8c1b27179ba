import type { DriftDocument, DriftVerdict, DriftWindow } from '../../contracts/drift.ts';
import { utcMinute } from '../../words/numbers.ts';
import { driftVerdictText } from '../../words/verdicts.ts';
import type { Cli } from '../cli.ts';
import { EXIT, type ExitCode } from '../exit.ts';

/** What `drift gate` and `drift report` end with: they are a gate of a CI job, as the runbook had one. */
export const GATE_MEANINGS: ReadonlyArray<readonly [ExitCode, string]> = [
  [EXIT.done, 'no drift'],
  [EXIT.failed, 'drift'],
  [EXIT.usage, 'cannot tell: too few rows, no report that is known, or wrong usage or settings'],
  [EXIT.interrupted, 'Ctrl-C'],
];

const CODES: Record<DriftVerdict['verdict'], ExitCode> = {
  'no drift': EXIT.done,
  drift: EXIT.failed,
  skipped: EXIT.usage,
  'cannot tell': EXIT.usage,
};
const COLOURS = { 'no drift': 'green', drift: 'red', skipped: 'yellow', 'cannot tell': 'yellow' } as const;

/** Tells what a gate says of a report, and sets the exit code. */
export function tellVerdict(cli: Cli, verdict: DriftVerdict, document: DriftDocument, files: object = {}): void {
  cli.exitCode = CODES[verdict.verdict];
  const reason = driftVerdictText(verdict);
  cli.emit({ event: 'verdict', exitCode: cli.exitCode, ...verdict, reason, ...files, document });
  cli.say(cli.style(COLOURS[verdict.verdict], reason));
  if (verdict.columns.length > 0) cli.say(`Drifted: ${verdict.columns.join(', ')}`);
  const { current, reference, tool } = document;
  if (current && reference && document.columns.length > 0)
    cli.say(`Compared ${windowText(current)} with ${windowText(reference)} (${tool}).`);
}

function windowText({ rows, source, from, to }: DriftWindow): string {
  const time = from !== null && to !== null ? `, ${utcMinute(from * 1_000)} to ${utcMinute(to * 1_000)}` : '';
  return `${rows.toLocaleString('en-US')} rows of ${source}${time}`;
}
