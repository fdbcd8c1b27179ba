import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { printable } from '../config/printable.ts';
import type { Config } from '../config.ts';
import { ALIASES } from '../contracts/names.ts';
import type { WorkflowName } from '../contracts/workflows.ts';
import { productionOf } from '../domain/registryMoves.ts';
import { scoreText, uncapitalised } from '../words/numbers.ts';
import { type Cli, type Io, isTerminal } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { type ApiState, apiState, servedText, serves } from './servedApi.ts';
import { listedVersions, type VersionState } from './versions/registry.ts';

/** The fields of an input by which Production is changed or not. */
interface Fields {
  version?: string | undefined;
  registryStage?: string | undefined;
  approval?: boolean | undefined;
  force?: boolean | undefined;
  policy?: string | undefined;
}

/** A change of Production that a workflow would make. */
export type Change =
  | { does: 'promote'; version: string | undefined; forced: boolean }
  | { does: 'retrain' }
  | { does: 'rollback' | 'redeploy'; version: string | undefined };

/**
 * What a workflow with this input does to Production by itself; null: nothing, or nothing before a person has been
 * asked to approve it.
 */
export function changeOf(workflow: WorkflowName | string, input: Fields, config: Config): Change | null {
  const { version, force = false } = input;
  const approved = input.approval ?? config.approval.required;
  const never = (input.policy ?? config.promotion.policy) === 'never';
  switch (workflow) {
    case 'promote':
      if ((input.registryStage ?? 'Production') !== 'Production' || approved || (never && !force)) return null;
      return { does: 'promote', version, forced: force };
    case 'retrain':
      if ((input.registryStage ?? config.promotion.registryStage) !== 'Production' || approved || never) return null;
      return { does: 'retrain' };
    case 'rollback':
    case 'redeploy':
      return { does: workflow, version };
    default:
      return null;
  }
}

const QUESTIONS: Record<Change['does'], string> = {
  promote: 'Promote it?',
  retrain: 'Retrain, and let the gate decide?',
  rollback: 'Roll back?',
  redeploy: 'Redeploy?',
};

/**
 * Shows on a terminal how Production stands and what it would become, and asks for a yes.
 *
 * @param yes whether the answer is yes already
 * @throws {CommandError} when the answer is no
 */
export async function confirmChange(cli: Cli, config: Config, change: Change | null, yes: boolean): Promise<void> {
  if (change === null || !asks(cli, yes)) return;
  cli.say(changeText(change, await outlook(config)));
  await confirm(cli, { text: QUESTIONS[change.does], declined: 'Nothing was started.', yes });
}

/** A question before something is done. */
interface Question {
  /** Without the way to answer. */
  text: string;
  /** What is said when the answer is no. */
  declined: string;
  /** The answer is yes already: `--yes` was typed. */
  yes: boolean;
}

/** Whether a question would be asked: where nobody can answer, the command itself is the yes. */
function asks({ io, json }: Cli, yes: boolean): boolean {
  return !yes && !json && process.stdin.isTTY === true && isTerminal(io.stdout, io.env);
}

/**
 * Asks the reader for a yes, where there is one to ask; Ctrl-C and the end of the input are a no.
 *
 * @throws {CommandError} when the answer is no
 */
export async function confirm(cli: Cli, { text, declined, yes }: Question): Promise<void> {
  if (!asks(cli, yes) || (await answersYes(cli.io, text))) return;
  throw new CommandError(EXIT.failed, declined);
}

async function answersYes({ stdout, interrupted }: Io, question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: stdout });
  const abandoned = new AbortController();
  // In a terminal that is read line by line, Ctrl-C comes here and not as a signal.
  for (const event of ['SIGINT', 'close'] as const) prompt.on(event, () => abandoned.abort());
  try {
    const signal = AbortSignal.any([interrupted, abandoned.signal]);
    return /^y(es)?$/i.test((await prompt.question(`${printable(question)} [y/N] `, { signal })).trim());
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    // The cursor stands behind the question still.
    stdout.write('\n');
    return false;
  } finally {
    prompt.close();
  }
}

/** How Production stands before something changes it. */
export interface Outlook {
  registeredModel: string;
  /** The newest first; null: MLflow does not answer. */
  versions: VersionState[] | null;
  /** Null: of several models, this one has no API. */
  api: ApiState | null;
}

/** How Production of a model stands. Never throws: who asks goes on without what cannot be known. */
export async function outlook(config: Config): Promise<Outlook> {
  const hasApi = config.deployment.target !== 'none';
  const [versions, api] = await Promise.all([
    listedVersions(config).catch(() => null),
    hasApi ? apiState(config) : null,
  ]);
  return { registeredModel: config.registry.registeredModel, versions, api };
}

/** How Production stands, and what it would become, in sentences. */
export function changeText(change: Change, { registeredModel, versions, api }: Outlook): string {
  if (versions === null) return `MLflow does not answer, so what is in Production of ${registeredModel} is not known.`;
  const production = productionOf(versions);
  const now = production
    ? `${named(production)} of ${registeredModel} is in Production${servingText(production, api, registeredModel)}`
    : `Nothing of ${registeredModel} is in Production`;
  return `${now}; ${outcomeText(change, versions, production)}`;
}

function servingText({ version }: VersionState, api: ApiState | null, registeredModel: string): string {
  if (!api) return '';
  if (serves(api, registeredModel, version)) return ' and serves';
  return `, but ${api.version === null ? 'no API answers with it' : `the API serves ${servedText(api, registeredModel)}`}`;
}

function outcomeText(change: Change, versions: readonly VersionState[], production: VersionState | undefined): string {
  const place = production ? 'replace it' : 'be the first';
  if (change.does === 'retrain') return `the version that is trained would ${place}, if the gate agrees.`;
  const usual = {
    promote: versions[0],
    rollback: versions.find(({ aliases }) => aliases.includes(ALIASES.previous)),
    redeploy: production,
  }[change.does];
  const { version: number = usual?.version } = change;
  if (number === undefined) return 'there is no version that it could go back to.';
  const meant = versions.find(({ version }) => version === number);
  const version = meant ? uncapitalised(named(meant)) : `version ${number}, which MLflow does not have,`;
  if (change.does === 'redeploy') return `a new API of ${version} would be started, and take the requests.`;
  if (number === production?.version) return 'nothing would take its place.';
  if (change.does === 'rollback') return `${version} would be back in its place.`;
  const forced = change.does === 'promote' && change.forced;
  return `${version} would ${place}, ${forced ? 'whatever the gate says' : 'if the gate agrees'}.`;
}

const named = ({ version, score }: VersionState) => `Version ${version}${score ? ` (${scoreText(score)})` : ''}`;
