import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import { printable } from '../config/printable.ts';
import type { Config } from '../config.ts';
import { type ApiContract, notReady, OUR_CONTRACT, type Said, saidAt, versionAt } from '../contracts/apiContract.ts';
import { SERVED_BY } from '../contracts/gateway.ts';
import { ALIASES } from '../contracts/names.ts';
import type { RetrainInput, WorkflowName } from '../contracts/workflows.ts';
import { askGateway } from '../doctor/gateway.ts';
import { planOf, stagesOf } from '../doctor/plan.ts';
import { stageLines } from '../doctor/report.ts';
import { productionOf } from '../domain/registryMoves.ts';
import { scoreText, uncapitalised } from '../words/numbers.ts';
import { type Cli, type Io, isTerminal } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { configOf } from './flags.ts';
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
async function outlook(config: Config): Promise<Outlook> {
  const hasApi = config.deployment.target !== 'none';
  const [versions, api] = await Promise.all([
    listedVersions(config).catch(() => null),
    hasApi ? apiState(config) : null,
  ]);
  return { registeredModel: config.registry.registeredModel, versions, api };
}

export interface ApiState {
  url: string;
  /** Version that it serves; null when it serves none. */
  version: string | null;
  /** Registered model that it serves. */
  registeredModel: string | null;
  /** Why it serves none. */
  problem: string | null;
}

/** Whether an API serves this version. One that does not name its model is taken for the model's own. */
export const serves = (api: ApiState, registeredModel: string, version: string): boolean =>
  api.version === version && (api.registeredModel ?? registeredModel) === registeredModel;

/** What an API serves, such as `version 3`; with the name of the model where that is another one. */
export function servedText({ version, registeredModel: served }: ApiState, registeredModel: string): string {
  return `version ${version}${served === null || served === registeredModel ? '' : ` of ${served}`}`;
}

const Reason = z.object({ reason: z.string().nullish(), error: z.string().nullish() });
const HEALTH_LIMIT_MS = 3_000;

/**
 * Which version answers the health path of the API, as the gateway before it knows; where none of ours is before it, as it
 * says itself. Never throws.
 */
export async function apiState(config: Config): Promise<ApiState> {
  const { health } = config.deployment.contract ?? OUR_CONTRACT;
  const url = config.deployment.apiUrl.replace(/\/+$/, '');
  const none = { url, version: null, registeredModel: null };
  try {
    const response = await fetch(url + health.path, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) });
    const said = { body: await response.json().catch(() => null), headers: Object.fromEntries(response.headers) };
    const waits = notReady(said, health);
    if (!response.ok || waits) {
      const { reason, error } = Reason.safeParse(said.body).data ?? {};
      return { ...none, problem: reason ?? error ?? waits ?? `${health.path} answers ${response.status}` };
    }
    const served = servedOf(said, health) ?? (await servedByGateway(config));
    if (served) return { url, ...served, problem: null };
    return {
      ...none,
      problem: `${health.path} names no version (deployment.contract.health.version says where it is)`,
    };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    return { ...none, problem: late ? `no answer within ${HEALTH_LIMIT_MS / 1000} s` : 'nothing answers there' };
  }
}

/** The headers are the gateway's, which knows what it started; the rest is what the API says. */
function servedOf(
  said: Said,
  health: ApiContract['health'],
): (Pick<ApiState, 'registeredModel'> & { version: string }) | null {
  const version = versionAt(said, `header:${SERVED_BY.version}`) ?? versionAt(said, health.version);
  if (version === undefined) return null;
  const known = saidAt(said, `header:${SERVED_BY.model}`);
  const model = known === undefined ? saidAt(said, health.model) : decodeURIComponent(String(known));
  return { version, registeredModel: typeof model === 'string' ? model : null };
}

/** Where something between us and the gateway has taken its headers away, it is asked itself. */
async function servedByGateway(config: Config) {
  if (config.deployment.target === 'none') return null;
  const { active } = await askGateway(config, AbortSignal.timeout(HEALTH_LIMIT_MS)).catch(() => ({ active: null }));
  return active && { version: active.version, registeredModel: active.model };
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

/** Shows what a retrain with this input would do. It starts nothing, and needs no worker: MLflow is asked, if it is there. */
export async function rehearseRetrain(cli: Cli, input: RetrainInput): Promise<void> {
  const config = configOf(cli, input.registeredModel, input.undeclared);
  const plan = planOf(cli.config(), input);
  const now = await outlook(config);
  const stages = stagesOf(config, plan).filter(({ stage }) => stage !== 'driftCheck');
  const change = changeOf('retrain', { ...input, approval: false }, config);
  const production = change && changeText(change, now);
  const { registeredModel, approval } = plan;
  cli.show({ dryRun: true, workflow: 'retrain', registeredModel, input, plan, stages, production }, () => [
    cli.style('bold', `${registeredModel}: what this retrain would do`),
    ...stages.flatMap((stage) => stageLines(stage, cli.style)),
    '',
    ...(production ? [production] : []),
    ...(production && approval.required ? ['Before that, a person would be asked to approve it.'] : []),
    'Dry run: nothing was started.',
  ]);
}
