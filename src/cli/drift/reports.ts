import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import type { DriftDocument, DriftVerdict, DriftWindow } from '../../contracts/drift.ts';
import { knownFailure } from '../../contracts/errors.ts';
import type { DriftGate } from '../../contracts/options.ts';
import { fileName } from '../../contracts/text.ts';
import { judgeDrift } from '../../domain/driftGate.ts';
import { makeDriftReport, readDriftReport } from '../../systems/driftDocument.ts';
import { monitorInput } from '../../systems/monitorInput.ts';
import { StepError } from '../../systems/processes/errors.ts';
import { openState } from '../../systems/state.ts';
import { counted, utcMinute } from '../../words/numbers.ts';
import { driftVerdictText } from '../../words/verdicts.ts';
import { type Cli, writeLine } from '../cli.ts';
import { CommandError, EXIT, type ExitCode } from '../exit.ts';

interface Judging {
  gate: DriftGate;
  /** Rows that each window must have; absent: as the settings say. */
  minRows?: number | undefined;
}

/**
 * Judges a report that a tool wrote into a file.
 *
 * @throws {CommandError} when it cannot be read, or is no report that is known
 */
export async function judgeReport(cli: Cli, config: Config, file: string, { gate, minRows }: Judging): Promise<void> {
  const document = await readReport(cli, config, file);
  showVerdict(cli, judgeDrift(document, gate, minRows ?? config.monitoring.minRows), document);
}

/** @throws {CommandError} when it cannot be read, or is no report that is known */
export async function readReport(cli: Cli, config: Config, file: string): Promise<DriftDocument> {
  return await asCommand(cli, () => readDriftReport(config, { file: resolve(cli.io.cwd, file) }, cli.io.interrupted));
}

interface Wanted extends Judging {
  log?: string | undefined;
  out?: string | undefined;
  /** Whatever `monitoring.reference` says. */
  reference?: 'log' | undefined;
}

/**
 * Makes a report of the prediction log on this machine, and judges it.
 *
 * @throws {CommandError} when the log cannot be found, read or compared, or the settings ask for another comparison
 */
export async function makeReport(cli: Cli, config: Config, wanted: Wanted): Promise<void> {
  const { monitoring, steps } = config;
  if (monitoring.reference === 'training' && wanted.reference === undefined) {
    throw new CommandError(EXIT.usage, OTHER_REFERENCE);
  }
  if (steps.monitor.command) writeLine(cli.io.stderr, OTHER_STEP);
  const minRows = wanted.minRows ?? monitoring.minRows;
  const here = (path: string) => resolve(cli.io.cwd, path);
  const input = monitorInput(config, {
    log: wanted.log === undefined ? '' : here(wanted.log),
    minRows,
    reference: 'log',
    outputDir: wanted.out === undefined ? ownFolder(config) : here(wanted.out),
  });
  const { document, html, json } = await asCommand(cli, () => makeDriftReport(config, input, cli.io.interrupted));
  showVerdict(cli, judgeDrift(document, wanted.gate, minRows), document, { html, json });
  for (const file of [html, json]) if (file) cli.say(`  ${file}`);
}

/** Neither the project's own files nor the report of the latest check are touched by a look at a log. */
function ownFolder(config: Config): string {
  return join(openState(config), 'drift', fileName(config.registry.registeredModel));
}

const OTHER_REFERENCE =
  'monitoring.reference is "training", and the data that the champion learned from are not on this machine: nothing was ' +
  'compared. "mediwatch drift check" compares with them; --reference log compares with earlier rows of the log here.';
const OTHER_STEP =
  'Warning: steps.monitor.command is not run here, this is the report of the bundled step. To judge one that the ' +
  'command made: mediwatch drift gate --report FILE';

/** Does the work of a Python step; its refusal, and an interruption, end the command. */
async function asCommand<Result>({ io }: Cli, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (io.interrupted.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted.', { cause: error });
    if (!(error instanceof StepError)) throw error;
    const happened = error.message.replace(/(?<![.!?])$/, '.');
    const next = knownFailure(error.type)?.next ?? '';
    throw new CommandError(EXIT.usage, `${happened} ${next}`.trimEnd(), { cause: error });
  }
}

const CODES: Record<DriftVerdict['verdict'], ExitCode> = {
  'no drift': EXIT.done,
  drift: EXIT.failed,
  skipped: EXIT.usage,
  'cannot tell': EXIT.usage,
};
const COLOURS = { 'no drift': 'green', drift: 'red', skipped: 'yellow', 'cannot tell': 'yellow' } as const;

/** Shows what a gate says of a report, and sets the exit code. */
function showVerdict(cli: Cli, verdict: DriftVerdict, document: DriftDocument, files: object = {}): void {
  cli.exitCode = CODES[verdict.verdict];
  const reason = driftVerdictText(verdict);
  cli.emit({ event: 'verdict', exitCode: cli.exitCode, ...verdict, reason, ...files, document });
  cli.say(cli.style(COLOURS[verdict.verdict], reason));
  if (verdict.columns.length > 0) cli.say(`Drifted: ${verdict.columns.join(', ')}`);
  const { current, reference, tool } = document;
  if (current && reference && document.columns.length > 0) {
    cli.say(`Compared ${windowText(current)} with ${windowText(reference)} (${tool}).`);
  }
}

function windowText({ rows, source, from, to }: DriftWindow): string {
  const time = from !== null && to !== null ? `, ${utcMinute(from * 1_000)} to ${utcMinute(to * 1_000)}` : '';
  return `${counted(rows, 'row')} of ${source}${time}`;
}
