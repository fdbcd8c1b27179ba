import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { createTwoFilesPatch } from 'diff';
import { loadConfig } from '../config.ts';
import { type Answers, defaultAnswers } from '../init/answers.ts';
import { Abandoned, ask, mayRunHelp, type Terminal } from '../init/ask.ts';
import { draft, type Findings, lookAt, type Proposal, silentScripts, withHelp } from '../init/index.ts';
import type { StepProposal } from '../init/proposal.ts';
import { placeFile } from '../systems/files.ts';
import { type Cli, isTerminal, writeLine } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';

export interface InitOptions {
  /** Folder of the project, relative to where the command is run. */
  folder: string;
  /** Takes the answers that were found. */
  yes: boolean;
  /** Replaces a file that is there. */
  force: boolean;
  /** Where questions are asked; absent: the process's own terminal, if it has one. */
  terminal?: Terminal;
}

/**
 * Looks at a project and writes its `mediwatch.yaml`.
 *
 * A file that is there already, or nobody to ask, leaves everything as it is, and shows what would be written.
 *
 * @throws {CommandError} when the folder is none, cannot be written to, or the questions were abandoned
 */
export async function init(cli: Cli, { folder, yes, force, terminal = ownTerminal(cli) }: InitOptions): Promise<void> {
  const root = resolve(cli.io.cwd, folder);
  if (!(await stat(root).catch(() => undefined))?.isDirectory())
    throw new CommandError(EXIT.usage, `${root} is not a folder.`);
  const file = join(root, 'mediwatch.yaml');
  const before = await existing(file);
  const asks = !yes && terminal !== undefined && (before === undefined || force);
  const { findings, answers } = await decide(cli, root, { yes, terminal: asks ? terminal : undefined });
  const { proposal, text } = draft(findings, answers);

  if (before === text) {
    told(cli, { file, written: false, proposal, text });
    cli.say(`${file} is as it would be written.`);
    return;
  }
  if (before !== undefined) cli.say(difference(before, text));
  if (before !== undefined && !force) {
    const message = `${file} is there already and was left as it is. --force replaces it by the above.`;
    return refused(cli, { file, proposal, text, message });
  }
  if (!yes && !asks) {
    if (!cli.json) writeLine(cli.io.stdout, text);
    const message = `Nothing was written: there is no terminal to ask on. --yes writes ${file} as above.`;
    return refused(cli, { file, proposal, text, message });
  }
  if (cli.io.interrupted.aborted) throw interrupted();
  await write(root, file, text, force);
  told(cli, { file, written: true, proposal, text });
  for (const line of report(cli, file, proposal, text)) cli.say(line);
}

/** Looks, and asks where there is somebody to ask. */
async function decide(
  cli: Cli,
  root: string,
  { yes, terminal }: { yes: boolean; terminal: Terminal | undefined },
): Promise<{ findings: Findings; answers: Answers }> {
  try {
    let findings = await lookAt(root);
    const silent = silentScripts(findings).map(({ path }) => path);
    const runs = silent.length > 0 && (yes || (terminal !== undefined && (await mayRunHelp(silent, terminal))));
    if (runs) findings = await withHelp(findings, root, cli.io.interrupted);
    return { findings, answers: terminal ? await ask(findings, terminal) : defaultAnswers(findings) };
  } catch (error) {
    throw error instanceof Abandoned ? interrupted() : error;
  }
}

async function write(root: string, file: string, text: string, force: boolean): Promise<void> {
  try {
    await save(root, text, { force });
  } catch (error) {
    if (error instanceof AlreadyThere)
      throw new CommandError(EXIT.usage, `${file} was written by somebody else meanwhile; it was left as it is.`);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
      throw new CommandError(EXIT.failed, `${root} cannot be written to (${code}).`);
    throw error;
  }
}

const interrupted = () => new CommandError(EXIT.interrupted, 'Nothing was written.');

function ownTerminal({ io, json }: Cli): Terminal | undefined {
  if (json || process.stdin.isTTY !== true || !isTerminal(io.stdout, io.env)) return undefined;
  return { input: process.stdin, output: io.stdout, signal: io.interrupted };
}

interface Told {
  file: string;
  written: boolean;
  proposal: Proposal;
  text: string;
  /** Why nothing was written. */
  message?: string;
}

/** Says why nothing was written, in the one document that tells what would be. */
function refused(cli: Cli, { message, ...rest }: Omit<Required<Told>, 'written'>): void {
  cli.exitCode = EXIT.usage;
  told(cli, { ...rest, written: false, message });
  writeLine(cli.io.stderr, message);
}

function told(cli: Cli, { file, written, proposal, text, message }: Told): void {
  const { findings, answers, prepare, search, trial, train, monitor } = proposal;
  const commands = Object.entries({ prepare, search, trial, train, monitor }).flatMap(([name, step]) =>
    step ? [[name, { script: step.program.path, command: step.command, because: step.program.reasons }]] : [],
  );
  cli.emit({
    event: 'init',
    exitCode: cli.exitCode,
    ...(message && { message }),
    file,
    written,
    answers,
    steps: Object.fromEntries(commands),
    toFillIn: openPlaces(text),
    notRead: findings.unread,
    text,
  });
}

function report(cli: Cli, file: string, proposal: Proposal, text: string): string[] {
  return [
    cli.style('bold', `Wrote ${file}`),
    ...summaryLines(proposal),
    '',
    'Each setting says where it comes from. Next:',
    ...nextSteps(proposal, text).map((line, index) => `  ${index + 1}. ${line}`),
  ];
}

/** The file is there already, and was left as it is. */
class AlreadyThere extends Error {
  override name = 'AlreadyThere';
}

/** The settings of a folder; undefined when there are none. */
async function existing(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/**
 * Writes `mediwatch.yaml` whole or not at all, and only what can be loaded.
 *
 * @throws {ConfigError} when it cannot: a fault of ours, and nothing was written
 * @throws {AlreadyThere} when there is one and `force` is not set
 */
async function save(folder: string, text: string, { force }: { force: boolean }): Promise<void> {
  const file = join(folder, 'mediwatch.yaml');
  try {
    await placeFile(file, text, {
      ifThere: force ? 'replace' : 'fail',
      check: (draft) => loadConfig({ MEDIWATCH_CONFIG: draft }, folder),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new AlreadyThere();
    throw error;
  }
}

/** What would change, as a patch. */
function difference(before: string, after: string): string {
  return createTwoFilesPatch('mediwatch.yaml', 'mediwatch.yaml', before, after, 'now', 'proposed');
}

/** What was decided, in a few lines. */
function summaryLines({ findings, answers, ...steps }: Proposal): string[] {
  const row = (name: string, value: string) => `  ${name.padEnd(12)} ${value}`;
  const of = (step: StepProposal | null, without: string) => (step ? step.program.path : without);
  return [
    row('model', answers.registeredModel),
    row('data', steps.data.path ?? 'not found'),
    row(
      'prepare',
      of(
        steps.prepare,
        steps.before.length > 0
          ? steps.before.map(({ program }) => program.path).join(', ')
          : steps.train
            ? 'nothing to do'
            : findings.table
              ? 'bundled'
              : 'not found',
      ),
    ),
    row(
      'search',
      answers.search === 'trials'
        ? `trials of ${of(steps.trial, 'the training')}`
        : of(steps.search, findings.table && !steps.train ? 'bundled' : 'none'),
    ),
    row('train', of(steps.train, findings.table ? 'bundled' : 'not found')),
    row('monitor', of(steps.monitor, 'bundled')),
    row('API', answers.deployment === 'none' ? 'none' : `target ${answers.deployment}`),
    row('schedules', answers.schedules ? 'taken over' : 'none'),
  ];
}

/** How many places are to be filled in. */
function openPlaces(text: string): number {
  return text.split('\n').filter((line) => !line.trimStart().startsWith('#') && line.includes('FILL_IN')).length;
}

/** What to do next, in the order in which it is done. */
function nextSteps({ findings, answers, train }: Proposal, text: string): string[] {
  const places = openPlaces(text);
  const { isMade, setUp } = findings.environment;
  // An image with the model in it is built by each retrain.
  const needsImage = answers.deployment === 'docker' && /^ *option: registry$/m.test(text);
  return [
    ...(train || findings.table ? [] : ['say in mediwatch.yaml how the model is trained (steps.train)']),
    ...(places > 0 ? [`fill in what is marked FILL_IN (${places === 1 ? 'one place' : `${places} places`})`] : []),
    ...(isMade || !setUp ? [] : [`make the project's environment: ${setUp}`]),
    'mediwatch check               whether it is right, and what a retrain would run',
    'npm start                     in the checkout of MediWatch, with MEDIWATCH_CONFIG naming this file',
    ...(needsImage ? ['mediwatch build               the image of the API, which a retrain starts'] : []),
    'mediwatch retrain --follow    the first retrain',
  ];
}
