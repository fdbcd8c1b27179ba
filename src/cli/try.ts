import { createLogUpdate } from 'log-update';
import { stringify } from 'yaml';
import { inLines } from '../config/problems.ts';
import { isDeclared, type Located, loadLocated } from '../config.ts';
import { type Path, pathText } from '../contracts/schemas.ts';
import type { Outcome, Proposal, Tried } from '../contracts/tried.ts';
import { examineProject } from '../doctor/project.ts';
import { findingJson, findingLines } from '../doctor/report.ts';
import { triedText, triedTitle } from '../words/tried.ts';
import { type Cli, isTerminal } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { clip } from './views/text.ts';

interface Flags {
  registeredModel: string | undefined;
  /** Rows of the table that are tried; 0: all. */
  rows: number;
}

/**
 * Checks the settings, then tries the steps of a retrain on a few rows, shows what came of each, and sets the exit code: 1
 * when one failed.
 *
 * @throws {CommandError} when the settings cannot be used, and when the reader interrupts
 */
export async function tryOut(cli: Cli, { registeredModel, rows }: Flags): Promise<void> {
  const { env, cwd, interrupted: signal } = cli.io;
  const located = loadLocated(env, cwd);
  const { config } = located;
  const name = registeredModel ?? config.registry.registeredModel;
  if (!isDeclared(config, name)) throw new CommandError(EXIT.usage, `mediwatch.yaml declares no model "${name}".`);
  const { findings } = await examineProject({ env, cwd, signal, offline: true });
  const wrong = findings.filter(({ severity }) => severity === 'problem' || severity === 'warning');
  for (const line of findingLines(wrong, { style: cli.style, cwd })) cli.say(line);
  const problems = wrong.filter(({ severity }) => severity === 'problem');

  cli.say(cli.style('bold', `${name}: the steps of a retrain, with an MLflow and a registry of their own`));
  const progress = openProgress(cli);
  const { tryProject } = await import('../tryout/index.ts');
  try {
    const outcomes = await tryProject(config, {
      ...{ registeredModel: name, rows, signal },
      onProgress: progress.show,
      onOutcome(outcome) {
        progress.clear();
        cli.emit({ event: 'tried', ...shown(outcome) });
        for (const line of outcomeLines(cli, outcome, located)) cli.say(line);
      },
    });
    const failed = outcomes.filter(({ state }) => state === 'failed').length;
    cli.exitCode = failed > 0 || problems.length > 0 ? EXIT.failed : EXIT.done;
    const tried = outcomes.map(shown);
    cli.emit({
      event: 'result',
      usable: cli.exitCode === EXIT.done,
      registeredModel: name,
      tried,
      findings: wrong.map(findingJson),
    });
    cli.say(
      `${failed === 0 ? cli.style('green', 'What was tried works.') : cli.style('red', `${failed} failed.`)} ${REMOVED}`,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CommandError(EXIT.interrupted, `Interrupted. ${REMOVED}`);
  } finally {
    progress.clear();
  }
}

const REMOVED =
  'Everything that was made for it is removed, except what commands of the project wrote to other places.';

function shown({ setting, ...outcome }: Outcome) {
  return { ...outcome, setting: setting ? pathText(setting) : null };
}

const MARKS = {
  passed: { mark: 'ok', colour: 'green' },
  failed: { mark: 'FAILED', colour: 'red' },
  skipped: { mark: '-', colour: 'dim' },
} as const;
const INDENT = ' '.repeat(8);

function outcomeLines({ style, io }: Cli, outcome: Outcome, { placeOf }: Located): string[] {
  const { state, seconds, message, setting, proposal, passes } = outcome;
  const { mark, colour } = MARKS[state];
  const text = triedText(outcome);
  const took = state === 'skipped' ? '' : style('dim', `  ${seconds} s`);
  return [
    `${style(colour, mark.padEnd(6))}  ${triedTitle(outcome)}${text && `: ${text}`}${took}`,
    ...(message ?? '')
      .split('\n')
      .filter(Boolean)
      .map((line) => INDENT + line),
    ...(setting ? settingLines(setting, placeOf, io.cwd).map((line) => INDENT + line) : []),
    ...(proposal ? proposalLines(proposal, passes === true).map((line) => INDENT + line) : []),
  ];
}

function settingLines(setting: Path, placeOf: Located['placeOf'], cwd: string): string[] {
  const [where = ''] = inLines({ ...placeOf(setting), path: pathText(setting), message: 'look here' }, cwd).split('\n');
  return [where];
}

function proposalLines({ request, health, predict }: Proposal, passes: boolean): string[] {
  const asked = request === undefined ? {} : { request };
  const contract = {
    ...(health && { health }),
    ...((predict || request !== undefined) && { predict: { ...predict, ...asked } }),
  };
  return [
    passes ? 'it passes with these settings:' : 'what was found of its answers; it does not pass with it yet:',
    ...stringify({ deployment: { contract } })
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

/** A line on a terminal that says what is being done; nothing elsewhere. */
function openProgress({ prose, io, style }: Cli) {
  if (!isTerminal(prose, io.env)) return { show: () => undefined, clear: () => undefined };
  const draw = createLogUpdate(prose as NodeJS.WriteStream);
  return {
    show(step: Tried, what: unknown) {
      const text = typeof what === 'string' && what ? `: ${what}` : '';
      draw(style('dim', clip(`${triedTitle({ step })}…${text}`, prose.columns ?? 80)));
    },
    clear: () => draw.clear(),
  };
}
