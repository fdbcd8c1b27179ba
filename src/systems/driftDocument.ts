import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { z } from 'zod';
import { BUNDLED_PYTHON, type Config, PYTHON_ROOT } from '../config.ts';
import { DriftDocument, type DriftWindow } from '../contracts/drift.ts';
import { type MonitorInput, MonitorResult } from '../contracts/steps.ts';
import { truncate } from '../contracts/text.ts';
import { ownEnvironment } from './processes/environment.ts';
import { StepError } from './processes/errors.ts';
import { readResultFile } from './steps/result.ts';

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
 * @throws {StepError} what the step answers: DriftReportInvalid when it is no report that is known, saying what was found
 *   in it, DataNotFound when there is no such file
 */
export async function readDriftReport(
  config: Config,
  report: { file: string } | { text: string },
  signal?: AbortSignal,
): Promise<DriftDocument> {
  const [file, text] = 'file' in report ? [report.file] : ['-', report.text];
  const options = { timeout: TIMEOUT_MS, ...(text === undefined ? { stdin: 'ignore' as const } : { input: text }) };
  const document = DriftDocument.safeParse(await runAlone(config, 'drift-document', { report: file }, signal, options));
  if (document.success) return document.data;
  const message = z.prettifyError(document.error);
  throw new StepError({ type: 'DriftReportInvalid', message, retryable: false, field: null });
}

const Monitored = MonitorResult.options[0];

/**
 * Makes a drift report of a prediction log with the bundled step, as a process of its own.
 *
 * @throws {StepError} when the log cannot be found, read or compared
 */
export async function makeDriftReport(config: Config, input: MonitorInput, signal: AbortSignal) {
  return Monitored.parse(await runAlone(config, 'monitor', input, signal, { stdin: 'ignore' }));
}

/**
 * The result of a bundled step that runs as a process of its own.
 *
 * @throws {StepError} what the step answers, or StepFailed when it gives no answer
 */
async function runAlone(
  config: Config,
  step: string,
  input: object,
  signal: AbortSignal | undefined,
  options: Options,
): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-drift-'));
  const [inputFile, resultFile] = [join(folder, 'input.json'), join(folder, 'result.json')];
  try {
    await writeFile(inputFile, JSON.stringify(input));
    const python = config.worker.python || BUNDLED_PYTHON;
    const done = await execa(python, ['-m', 'mediwatch_training', step], {
      ...options,
      ...ownEnvironment(['computing'], {
        PYTHONPATH: PYTHON_ROOT,
        MEDIWATCH_INPUT: inputFile,
        MEDIWATCH_RESULT: resultFile,
      }),
      ...(signal && { cancelSignal: signal }),
      reject: false,
    });
    signal?.throwIfAborted();
    const result = await readResultFile(resultFile);
    if (result !== undefined) return result;
    // A defect, or a Python that does not start.
    const message = `${done.shortMessage} ${truncate(String(done.stderr), 1_000)}`;
    throw new StepError({ type: 'StepFailed', message, retryable: false, field: null });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
