import { type Config, forModel, modelNames } from '../../config.ts';
import { CHECKS, checksOfModel, SHARED_CHECKS } from '../../doctor/checks.ts';
import { type DoctorContext, openContext } from '../../doctor/context.ts';
import { runChecks } from '../../doctor/run.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { configOf } from '../flags.ts';
import { type Fix, fixAliases } from './fixAliases.ts';
import { openProgress } from './progress.ts';
import { reportLines } from './text.ts';

/** The longest time that one check may take (ms); they run at once. */
const LIMIT_MS = 15_000;

interface ExamineOptions {
  fixAliases: boolean;
  /** The one model that is looked at; absent: all of them. */
  registeredModel: string | undefined;
}

/**
 * Looks at the live system, tells what was found, and sets the exit code: 1 when there is a problem.
 *
 * @throws {CommandError} when the reader interrupts
 */
export async function examine(cli: Cli, options: ExamineOptions): Promise<void> {
  const { io } = cli;
  const contexts = configsOf(cli, options).map((config) => openContext(config, io.env, io.interrupted));
  const [context] = contexts as [DoctorContext, ...DoctorContext[]];
  const checks = contexts.length > 1 ? [...SHARED_CHECKS, ...contexts.flatMap(checksOfModel)] : CHECKS;
  const progress = openProgress(cli, checks.length);
  try {
    const fix = options.fixAliases ? await fixAliases(context) : null;
    const reports = await runChecks(checks, context, {
      limitMs: LIMIT_MS,
      onDone: (_report, open) => progress.show(open),
    });
    progress.close();
    if (io.interrupted.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted. Nothing was changed.');
    const healthy = reports.every(({ level }) => level !== 'problem') && fix?.kind !== 'refused';
    cli.exitCode = healthy ? EXIT.done : EXIT.failed;
    cli.emit({ healthy, checks: reports, ...(fix && { fixAliases: fix }) });
    if (!cli.json) for (const line of [...fixLines(fix), ...reportLines(reports, cli.style)]) cli.say(line);
  } finally {
    progress.close();
    await Promise.all(contexts.map((one) => one.close()));
  }
}

/** @throws {CommandError} when aliases are to be changed and it is not said of which model */
function configsOf(cli: Cli, { fixAliases, registeredModel }: ExamineOptions): Config[] {
  const config = cli.config();
  const names = modelNames(config);
  if (registeredModel !== undefined || names.length === 1) return [configOf(cli, registeredModel)];
  if (!fixAliases) return names.map((name) => forModel(config, name));
  const message = `--fix-aliases changes one model: name it with --registered-model, one of ${names.join(', ')}.`;
  throw new CommandError(EXIT.usage, message);
}

function fixLines(fix: Fix | null): string[] {
  if (!fix) return [];
  if (fix.kind === 'refused') return [`Stages and aliases were left as they are: ${fix.reason}`, ''];
  if (fix.kind === 'nothing') return ['Stages and aliases agree already.', ''];
  return ['Reconciled:', ...fix.changes.map((change) => `  ${change}`), ''];
}
