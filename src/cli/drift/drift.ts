import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { execa } from 'execa';
import { z } from 'zod';
import { type Config, fromRoot, PROJECT_ROOT } from '../../config.ts';
import { DriftDocument, type DriftVerdict, type DriftWindow } from '../../contracts/drift.ts';
import { FAILURES, type FailureType } from '../../contracts/errors.ts';
import type { DriftGate } from '../../contracts/options.ts';
import { judgeDrift } from '../../domain/driftGate.ts';
import { monitorInput } from '../../systems/monitorInput.ts';
import { StepError } from '../../systems/processes/errors.ts';
import { utcMinute } from '../../words/numbers.ts';
import { driftVerdictText } from '../../words/verdicts.ts';
import { type Cli, writeLine } from '../cli.ts';
import { CommandError, EXIT, type ExitCode } from '../exit.ts';
import { decimal, wholeNumber } from '../flags.ts';

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

/**
 * Reads a report that a tool wrote into a file.
 *
 * @throws {CommandError} when it cannot be read, or is no report that is known
 */
export async function readReport(cli: Cli, config: Config, file: string): Promise<DriftDocument> {
  const { readDriftReport } = await import('../../systems/driftDocument.ts');
  return await inWords(cli, () => readDriftReport(config, { file: resolve(cli.io.cwd, file) }, cli.io.interrupted));
}

/** Puts what a Python step refuses, and an interruption, into words. */
export async function inWords<Result>({ io }: Cli, work: () => Promise<Result>): Promise<Result> {
  const { StepError } = await import('../../systems/processes/errors.ts');
  try {
    return await work();
  } catch (error) {
    if (io.interrupted.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted.', { cause: error });
    if (!(error instanceof StepError)) throw error;
    const happened = error.message.replace(/(?<![.!?])$/, '.');
    const next = FAILURES[error.type as FailureType]?.next ?? '';
    throw new CommandError(EXIT.usage, `${happened} ${next}`.trimEnd(), { cause: error });
  }
}

/** What the flags of a gate give; a flag that is absent leaves the rule as the settings have it. */
export interface GateFlags {
  minColumns?: number;
  share?: number;
  column?: string[];
  dataset?: boolean;
  prediction?: boolean;
  target?: boolean;
}

/** Adds the flags of the gate to a command. */
export function addGateFlags(command: Command): Command {
  return command
    .option('--min-columns <n>', 'drift when at least this many features drifted', wholeNumber)
    .option('--share <x>', 'drift when at least this share of the features drifted', decimal)
    .option('--column <name...>', 'drift when one of these columns drifted')
    .option('--dataset', 'drift when the data set drifted, as the report says')
    .option('--no-dataset', 'whatever the report says of the data set')
    .option('--prediction', 'drift when the prediction drifted')
    .option('--no-prediction', 'whatever the prediction did')
    .option('--target', 'drift when the target drifted')
    .option('--no-target', 'whatever the target did');
}

/**
 * The gate of the settings with the flags laid over it.
 *
 * @throws {CommandError} naming a flag whose value is no rule
 */
export function gateFrom({ driftGate }: Config, flags: GateFlags): DriftGate {
  const { minColumns, share } = flags;
  if (minColumns !== undefined && minColumns < 1) throw wrong('--min-columns: expected a number from 1 on.');
  if (share !== undefined && !(share > 0 && share <= 1)) {
    throw wrong('--share: expected a number above 0 and up to 1, such as 0.5.');
  }
  const gate = driftGate;
  return {
    dataset: flags.dataset ?? gate.dataset,
    minColumns: minColumns ?? gate.minColumns,
    columns: flags.column ?? gate.columns,
    share: share ?? gate.share,
    prediction: flags.prediction ?? gate.prediction,
    target: flags.target ?? gate.target,
  };
}

function wrong(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}

const PACKAGE = join(PROJECT_ROOT, 'python');

const Result = z.union([
  z.object({
    result: z.object({ document: DriftDocument, html: z.string().nullable(), json: z.string().nullable() }),
  }),
  z.object({ error: z.object({ type: z.string(), message: z.string() }) }),
]);

interface Wanted {
  log?: string;
  out?: string;
  minRows?: number;
  /** Whatever `monitoring.reference` says. */
  reference?: 'log';
}

/**
 * Makes a report of the prediction log with the bundled step, as a process of its own, and judges it.
 *
 * @throws {CommandError} when the log cannot be found, read or compared, or the settings ask for another comparison
 */
export async function makeReport(cli: Cli, config: Config, gate: DriftGate, wanted: Wanted): Promise<void> {
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
    outputDir: wanted.out === undefined ? fromRoot(config, monitoring.outDir) : here(wanted.out),
  });
  const { document, html, json } = await inWords(cli, () => runMonitor(cli, config, input));
  tellVerdict(cli, judgeDrift(document, gate, minRows), document, { html, json });
  for (const file of [html, json]) if (file) cli.say(`  ${file}`);
}

const OTHER_REFERENCE =
  'monitoring.reference is "training", and the data that the champion learned from are not on this machine: nothing was ' +
  'compared. "mediwatch drift check" compares with them; --reference log compares with earlier rows of the log here.';
const OTHER_STEP =
  'Warning: steps.monitor.command is not run here, this is the report of the bundled step. To judge one that the ' +
  'command made: mediwatch drift gate --report FILE';

async function runMonitor(cli: Cli, config: Config, input: Record<string, unknown>) {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-drift-'));
  const [inputFile, resultFile] = [join(folder, 'input.json'), join(folder, 'result.json')];
  try {
    await writeFile(inputFile, JSON.stringify(input));
    const python = config.worker.python || join(PACKAGE, '.venv', 'bin', 'python');
    const done = await execa(python, ['-m', 'mediwatch_training', 'monitor'], {
      env: { PYTHONPATH: PACKAGE, MEDIWATCH_INPUT: inputFile, MEDIWATCH_RESULT: resultFile },
      cancelSignal: cli.io.interrupted,
      stdin: 'ignore',
      reject: false,
    });
    cli.io.interrupted.throwIfAborted();
    const written = await readFile(resultFile, 'utf8').catch(() => undefined);
    const result = written === undefined ? undefined : Result.parse(JSON.parse(written));
    if (result && 'result' in result) return result.result;
    const { type, message } = result?.error ?? {
      type: 'StepFailed',
      message: `The report could not be made: ${done.shortMessage} ${done.stderr.slice(-1_000)}`,
    };
    throw new StepError({ type, message, retryable: false, field: null });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
