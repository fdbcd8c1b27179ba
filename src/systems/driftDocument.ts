import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { type Config, PROJECT_ROOT } from '../config.ts';
import { DriftDocument, type DriftWindow } from '../contracts/drift.ts';
import type { MonitorInput } from '../contracts/steps.ts';
import { StepError } from './processes/errors.ts';

const PACKAGE = join(PROJECT_ROOT, 'python');
/** A report of thousands of columns is read in a second. */
const TIMEOUT_MS = 60_000;

/** The document of windows with too few rows: nothing was compared. */
export function uncompared(
  told: Pick<DriftDocument, 'key' | 'createdAt' | 'tool' | 'minRows'>,
  window: DriftWindow,
): DriftDocument {
  return {
    schema: 'mediwatch.drift/1',
    ...told,
    current: window,
    reference: window,
    columns: [],
    driftedColumns: null,
    share: null,
    shareThreshold: null,
    datasetDrift: null,
  };
}

/**
 * Makes the drift document of a report, whatever Evidently wrote it: its file, or its text.
 *
 * @throws {StepError} of type DriftReportInvalid when it is no report that is known, saying what was found in it
 */
export async function readDriftReport(
  config: Config,
  report: { file: string } | { text: string },
  signal?: AbortSignal,
): Promise<DriftDocument> {
  const python = pythonOf(config);
  const file = 'file' in report ? report.file : '-';
  const done = await execa(python, ['-m', 'mediwatch_training', 'drift-document', '--report', file], {
    env: { PYTHONPATH: PACKAGE },
    ...('text' in report ? { input: report.text } : { stdin: 'ignore' }),
    ...(signal && { cancelSignal: signal }),
    timeout: TIMEOUT_MS,
    reject: false,
  });
  signal?.throwIfAborted();
  const document = done.exitCode === 0 ? DriftDocument.safeParse(JSON.parse(done.stdout)) : undefined;
  if (document?.success) return document.data;
  // What a step refuses with is one line; anything else is a defect or a Python that does not start.
  const refused =
    done.exitCode === 2 ? done.stderr.trim().split('\n').at(-1) : document && z.prettifyError(document.error);
  const message = refused?.replace(/^drift-document: /, '') ?? `${done.shortMessage} ${done.stderr.slice(-500)}`;
  throw new StepError({
    type: refused ? 'DriftReportInvalid' : 'StepFailed',
    message,
    retryable: false,
    field: null,
  });
}

const pythonOf = ({ worker }: Config) => worker.python || join(PACKAGE, '.venv', 'bin', 'python');

const Monitored = z.union([
  z.object({
    result: z.object({ document: DriftDocument, html: z.string().nullable(), json: z.string().nullable() }),
  }),
  z.object({ error: z.object({ type: z.string(), message: z.string() }) }),
]);

/**
 * Makes a drift report of a prediction log with the bundled step, as a process of its own.
 *
 * @throws {StepError} when the log cannot be found, read or compared
 */
export async function makeDriftReport(config: Config, input: MonitorInput, signal: AbortSignal) {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-drift-'));
  const [inputFile, resultFile] = [join(folder, 'input.json'), join(folder, 'result.json')];
  try {
    await writeFile(inputFile, JSON.stringify(input));
    const done = await execa(pythonOf(config), ['-m', 'mediwatch_training', 'monitor'], {
      env: { PYTHONPATH: PACKAGE, MEDIWATCH_INPUT: inputFile, MEDIWATCH_RESULT: resultFile },
      cancelSignal: signal,
      stdin: 'ignore',
      reject: false,
    });
    signal.throwIfAborted();
    const written = await readFile(resultFile, 'utf8').catch(() => undefined);
    const result = written === undefined ? undefined : Monitored.parse(JSON.parse(written));
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
