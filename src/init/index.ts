import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { ownEnvironment } from '../systems/processes/environment.ts';
import type { Answers } from './answers.ts';
import { examine, type Findings } from './findings.ts';
import type { Program } from './programs.ts';
import { type Proposal, propose } from './proposal.ts';
import { settingsFile } from './settings.ts';
import { type Option, optionOf } from './sources.ts';
import { openProject } from './view.ts';

export type { Findings } from './findings.ts';
export type { Proposal } from './proposal.ts';

/** Looks at the project in a folder; nothing of it is run. */
export async function lookAt(root: string): Promise<Findings> {
  return examine(await openProject(root));
}

/** The findings with what scripts tell of themselves when they are run with `--help`. */
export async function withHelp(findings: Findings, root: string, signal: AbortSignal): Promise<Findings> {
  const silent = silentScripts(findings);
  if (silent.length === 0 || !(await canEnclose())) return findings;
  const { venv, isMade } = findings.environment;
  const programs = [...findings.programs];
  for (const program of silent) {
    if (signal.aborted) break;
    const options = await optionsFromHelp(program, { root, venv: isMade ? venv : null, signal });
    if (options) programs[programs.indexOf(program)] = { ...program, options };
  }
  return { ...findings, programs };
}

/** What is proposed, and the text of `mediwatch.yaml` for it. */
export function draft(findings: Findings, answers: Answers): { proposal: Proposal; text: string } {
  const proposal = propose(findings, answers);
  return { proposal, text: settingsFile(proposal) };
}

/** Libraries whose options are not written where the syntax tree shows them. */
const COMMAND_LINES = /^(typer|fire|absl|jsonargparse|tyro|simple_parsing|hydra|docopt|cyclopts|plac|argparse|click)\b/;
const STEPS = ['prepare', 'search', 'train', 'baseline', 'monitor'];

/** The scripts whose options only their own `--help` can tell. */
export function silentScripts({ programs }: Findings): Program[] {
  return programs.filter(({ kind, role, options, facts, harm }) => {
    const isSilent = options.length === 0 && facts.imports.some((module) => COMMAND_LINES.test(module));
    return kind === 'python' && harm === null && isSilent && STEPS.includes(role ?? '');
  });
}

const TIMEOUT_MS = 20_000;
/** Runs a program without a network, and in a process tree that ends with its first process. */
const enclosed = (words: string[], options: Options) =>
  execa('unshare', ['--map-root-user', '--net', '--pid', '--fork', '--kill-child', '--', ...words], {
    ...{ reject: false, timeout: TIMEOUT_MS, ...options },
  });

/** Whether this system can run a script without a network; where it cannot, none is run. */
export const canEnclose = async () => (await enclosed(['true'], ownEnvironment())).exitCode === 0;

interface HelpOptions {
  /** Folder of the project. */
  root: string;
  /** The project's virtual environment, if it has one. */
  venv: string | null;
  signal: AbortSignal;
}

/** Runs `script --help` without a network, for 20 s at most; null when it says nothing of options. */
async function optionsFromHelp(program: Program, { root, venv, signal }: HelpOptions): Promise<Option[] | null> {
  const [python = 'python3', ...rest] = program.words;
  const found = venv && join(root, venv, 'bin', python);
  const interpreter = found && existsSync(found) ? found : python === 'python' ? 'python3' : python;
  const variables = { PYTHONDONTWRITEBYTECODE: '1', COLUMNS: '200', NO_COLOR: '1', TERM: 'dumb' };
  const { exitCode, stdout } = await enclosed([interpreter, ...rest, '--help'], {
    ...{ cwd: join(root, program.cwd), ...ownEnvironment(['computing'], variables), stdin: 'ignore' },
    ...{ killSignal: 'SIGKILL', cancelSignal: signal, maxBuffer: 1024 * 1024 },
  });
  const options = exitCode === 0 ? parseHelp(String(stdout)) : [];
  return options.length > 0 ? options : null;
}

/** `  -l, --learning-rate FLOAT  Step size  [default: 0.1]`, in the ways of argparse, click, typer and fire. */
const LINE =
  /^[\s│|]*(?:-\w(?:[ =][\w<>[\]{},.]+)?,\s*)?(--[\w-]+)(?:[ =]+([A-Z][A-Z_]*|<\w+>|\{[^}]*\}))?(?:\s{2,}(.*?))?[\s│|]*$/;

/** The options that a help text lists. */
export function parseHelp(text: string): Option[] {
  return text.split('\n').flatMap((line) => {
    const [, flag, metavar = '', help = ''] = LINE.exec(line) ?? [];
    if (!flag || flag === '--help' || flag === '--version') return [];
    const shown = /[[(]default:?\s*([^\])]*)[\])]/i.exec(help)?.[1]?.trim();
    const number = shown !== undefined && shown !== '' && Number.isFinite(Number(shown)) ? Number(shown) : undefined;
    return [
      optionOf({
        flag,
        dest: flag.slice(2).replaceAll('-', '_'),
        type: typeOf(metavar, shown),
        default: number ?? (shown === undefined || shown === 'None' ? null : shown),
        choices: metavar.startsWith('{') ? metavar.slice(1, -1).split(',') : [],
        required: /\[required\]/i.test(help),
        isFlag: metavar === '' && shown === undefined && !/\[(text|integer|float)\]/i.test(help),
        help: help.slice(0, 300),
      }),
    ];
  });
}

function typeOf(metavar: string, shown: string | undefined): string | null {
  if (/^INT/.test(metavar) || /^<int/.test(metavar)) return 'int';
  if (/^FLOAT/.test(metavar) || /^<float/.test(metavar)) return 'float';
  if (shown === undefined || shown === '' || !Number.isFinite(Number(shown))) return null;
  return /[.e]/i.test(shown) ? 'float' : 'int';
}
