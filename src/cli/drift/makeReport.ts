import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { type Config, fromRoot, PROJECT_ROOT } from '../../config.ts';
import { DriftDocument } from '../../contracts/drift.ts';
import type { DriftGate } from '../../contracts/options.ts';
import { judgeDrift } from '../../domain/driftGate.ts';
import { monitorInput } from '../../systems/monitorInput.ts';
import { StepError } from '../../systems/processes/errors.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { writeLine } from '../io.ts';
import { inWords } from './readReport.ts';
import { tellVerdict } from './verdict.ts';

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
