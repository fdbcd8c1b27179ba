import { createLogUpdate } from 'log-update';
import { type Config, forModel, modelNames } from '../config.ts';
import { CHECKS, checksOfModel, SHARED_CHECKS } from '../doctor/checks.ts';
import { type DoctorContext, openContext } from '../doctor/context.ts';
import { fixAliases } from '../doctor/fixAliases.ts';
import { findingJson, findingLines, isHealthy, reportJson, summary } from '../doctor/report.ts';
import { reported, runChecks } from '../doctor/run.ts';
import { type Cli, isTerminal } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { configOf } from './flags.ts';
import { clip } from './views/text.ts';

interface Flags {
  fixAliases: boolean;
  /** The one model that is looked at; absent: all of them. */
  registeredModel: string | undefined;
}

/** The longest time that one check may take (ms); they run at once. */
const LIMIT_MS = 15_000;

/**
 * Looks at the live system, reports what was found, and sets the exit code: 1 when there is a problem.
 *
 * @throws {CommandError} when the reader interrupts
 */
export async function examineSystem(cli: Cli, flags: Flags): Promise<void> {
  const { io, style } = cli;
  const contexts = configsOf(cli, flags).map((config) => openContext(config, io.env, io.interrupted));
  const [context] = contexts as [DoctorContext, ...DoctorContext[]];
  const checks = contexts.length > 1 ? [...SHARED_CHECKS, ...contexts.flatMap(checksOfModel)] : CHECKS;
  const progress = openProgress(cli, checks.length);
  try {
    const fix = flags.fixAliases ? [reported({ name: 'Fix of aliases' }, await fixAliases(context))] : [];
    const reports = await runChecks(checks, context, { limitMs: LIMIT_MS, onDone: progress.show });
    progress.close();
    if (io.interrupted.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted. Nothing was changed.');
    const findings = [...fix, ...reports.flatMap((one) => one.findings)];
    const healthy = isHealthy(findings);
    cli.exitCode = healthy ? EXIT.done : EXIT.failed;
    const fixed = fix.map(findingJson)[0];
    cli.emit({ healthy, checks: reports.map(reportJson), ...(fixed && { fixAliases: fixed }) });
    if (cli.json) return;
    for (const line of findingLines(findings, { style, cwd: io.cwd })) cli.say(line);
    cli.say();
    cli.say(summary(findings, style, 'All is well.'));
  } finally {
    progress.close();
    await Promise.all(contexts.map((one) => one.close()));
  }
}

/** @throws {CommandError} when aliases are to be changed and several models could be meant */
function configsOf(cli: Cli, { fixAliases, registeredModel }: Flags): Config[] {
  const config = cli.config();
  const names = modelNames(config);
  if (registeredModel !== undefined || names.length === 1) return [configOf(cli, registeredModel)];
  if (!fixAliases) return names.map((name) => forModel(config, name));
  const message = `--fix-aliases changes one model: name it with --registered-model, one of ${names.join(', ')}.`;
  throw new CommandError(EXIT.usage, message);
}

/** A line on a terminal that says which checks are still running; nothing elsewhere. */
function openProgress({ prose, io, style }: Cli, total: number) {
  if (!isTerminal(prose, io.env)) return { show: () => undefined, close: () => undefined };
  const draw = createLogUpdate(prose as NodeJS.WriteStream);
  draw(style('dim', 'Checking…'));
  return {
    show: (running: readonly string[]) => {
      const rest = running.length > 0 ? `; waiting for ${running.join(', ')}` : '';
      draw(style('dim', clip(`Checked ${total - running.length} of ${total}${rest}`, prose.columns ?? 80)));
    },
    close: () => draw.clear(),
  };
}
