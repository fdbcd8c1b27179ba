import { CHECKS } from '../../doctor/checks.ts';
import { openContext } from '../../doctor/context.ts';
import { runChecks } from '../../doctor/run.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { type Fix, fixAliases } from './fixAliases.ts';
import { openProgress } from './progress.ts';
import { reportLines } from './text.ts';

/** The longest time that one check may take (ms); they run at once. */
const LIMIT_MS = 15_000;

/**
 * Looks at the live system, tells what was found, and sets the exit code: 1 when there is a problem.
 *
 * @throws {CommandError} when the reader interrupts
 */
export async function examine(cli: Cli, options: { fixAliases: boolean }): Promise<void> {
  const { io } = cli;
  const context = openContext(cli.config(), io.env, io.interrupted);
  const progress = openProgress(cli, CHECKS.length);
  try {
    const fix = options.fixAliases ? await fixAliases(context) : null;
    const reports = await runChecks(CHECKS, context, {
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
    await context.close();
  }
}

function fixLines(fix: Fix | null): string[] {
  if (!fix) return [];
  if (fix.kind === 'refused') return [`Stages and aliases were left as they are: ${fix.reason}`, ''];
  if (fix.kind === 'nothing') return ['Stages and aliases agree already.', ''];
  return ['Reconciled:', ...fix.changes.map((change) => `  ${change}`), ''];
}
