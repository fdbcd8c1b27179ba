import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { ALIASES } from '../contracts/names.ts';
import type { RetrainInput, WorkflowName } from '../contracts/workflows.ts';
import { uncapitalised } from '../words/numbers.ts';
import { type PlannedStage, planOf, stagesOf } from './check/plan.ts';
import { stageLines } from './check/text.ts';
import { type Cli, type Io, isTerminal } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { configOf } from './flags.ts';
import { listedVersions, type VersionState } from './versions/registry.ts';

/** The fields of an input by which Production is moved or not. */
interface Fields {
  version?: string | undefined;
  registryStage?: string | undefined;
  approval?: boolean | undefined;
  force?: boolean | undefined;
  policy?: string | undefined;
}

/**
 * What a workflow with this input does to Production by itself; null: nothing, or nothing before a person has been
 * asked to approve it.
 */
export function wishOf(workflow: WorkflowName | string, input: Fields, config: Config): Wish | null {
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

/**
 * Shows on a terminal how Production stands and what it would become, and asks for a yes.
 *
 * @param yes whether the answer is yes already
 * @throws {CommandError} when the answer is no
 */
export async function confirmWish(cli: Cli, config: Config, wish: Wish | null, yes: boolean): Promise<void> {
  if (wish === null || !asks(cli, { yes })) return;
  cli.say(wishInWords(wish, await outlook(config)));
  await confirm(cli, { text: QUESTIONS[wish.does], declined: 'Nothing was started.', yes });
}

const QUESTIONS: Record<Wish['does'], string> = {
  promote: 'Promote it?',
  retrain: 'Retrain, and let the gate decide?',
  rollback: 'Roll back?',
  redeploy: 'Redeploy?',
};

/** What `--yes` says of itself. */
export const YES_FLAG = [
  '-y, --yes',
  'do not ask for confirmation, which is asked for on a terminal before Production changes',
] as const;

/** How Production stands before something changes it. */
export interface Outlook {
  registeredModel: string;
  /** The newest first; null: MLflow does not answer. */
  versions: VersionState[] | null;
  /** Null: of several models, this one has no API. */
  api: ApiState | null;
}

/** Looks how Production of a model stands. Never throws: who asks goes on without what cannot be known. */
export async function outlook(config: Config): Promise<Outlook> {
  const hasApi = config.deployment.target !== 'none';
  const [versions, api] = await Promise.all([
    listedVersions(config).catch(() => null),
    hasApi ? apiState(config) : null,
  ]);
  return { registeredModel: config.registry.registeredModel, versions, api };
}

/** What is asked of Production, as far as it is told before it is done. */
export type Wish =
  | { does: 'promote'; version: string | undefined; forced: boolean }
  | { does: 'retrain' }
  | { does: 'rollback'; version: string | undefined }
  | { does: 'redeploy'; version: string | undefined };

/** How Production stands, and what it would become, in sentences. */
export function wishInWords(wish: Wish, outlook: Outlook): string {
  const { registeredModel, versions } = outlook;
  if (versions === null) return `MLflow does not answer, so what is in Production of ${registeredModel} is not known.`;
  const production = versions.find(({ stage }) => stage === 'Production');
  return `${productionInWords(outlook, production)}; ${changeInWords(wish, versions, production)}`;
}

function productionInWords({ registeredModel, api }: Outlook, production: VersionState | undefined): string {
  if (!production) return `Nothing of ${registeredModel} is in Production`;
  const { version } = production;
  const serves = api?.version ?? null;
  if (!api) return `${named(production)} of ${registeredModel} is in Production`;
  if (serves === version) return `${named(production)} of ${registeredModel} is in Production and serves`;
  const instead = serves === null ? 'no API answers with it' : `the API serves version ${serves}`;
  return `${named(production)} of ${registeredModel} is in Production, but ${instead}`;
}

function changeInWords(wish: Wish, versions: readonly VersionState[], production: VersionState | undefined): string {
  const place = production ? 'replace it' : 'be the first';
  if (wish.does === 'retrain') return `the version that is trained would ${place}, if the gate agrees.`;
  const meant = meantBy(wish, versions, production);
  if (meant === null) return `there is no version that it could go back to.`;
  const what = typeof meant === 'string' ? `version ${meant}, which MLflow does not have,` : named(meant);
  const version = uncapitalised(what);
  if (wish.does === 'redeploy') return `the API of ${version} would be started anew, and take the requests.`;
  if (typeof meant === 'object' && meant.version === production?.version) return 'nothing would take its place.';
  if (wish.does === 'rollback') return `${version} would be back in its place.`;
  return `${version} would ${place}, ${wish.forced ? 'whatever the gate says' : 'if the gate agrees'}.`;
}

/** The version that is meant; its number alone when the registry does not have it; null: there is none. */
function meantBy(
  wish: Exclude<Wish, { does: 'retrain' }>,
  versions: readonly VersionState[],
  production: VersionState | undefined,
): VersionState | string | null {
  if (wish.version !== undefined) return versions.find(({ version }) => version === wish.version) ?? wish.version;
  const usual = {
    promote: versions[0],
    rollback: versions.find(({ aliases }) => aliases.includes(ALIASES.previous)),
    redeploy: production,
  };
  return usual[wish.does] ?? null;
}

function named({ version, testAuc }: VersionState): string {
  return `Version ${version}${testAuc === null ? '' : ` (test AUC ${testAuc.toFixed(4)})`}`;
}

/** Tells what a retrain with this input would do. It starts nothing, and needs no worker: MLflow is asked, if it is there. */
export async function rehearseRetrain(cli: Cli, input: RetrainInput): Promise<void> {
  const config = configOf(cli, input.registeredModel);
  const plan = planOf(config, input);
  const now = await outlook(config);
  const stages: PlannedStage[] = stagesOf(config, plan).filter(({ stage }) => stage !== 'driftCheck');
  const wish = wishOf('retrain', { ...input, approval: false }, config);
  const production = wish && wishInWords(wish, now);
  const { registeredModel, approval } = plan;
  cli.emit({ dryRun: true, workflow: 'retrain', registeredModel, input, plan, stages, production });
  if (cli.json) return;
  cli.say(cli.style('bold', `${registeredModel}: what this retrain would do`));
  for (const line of stages.flatMap((stage) => stageLines(stage, cli.style))) cli.say(line);
  cli.say();
  if (production) cli.say(production);
  if (production && approval.required) cli.say('Before that, a person would be asked to approve it.');
  cli.say('Dry run: nothing was started.');
}

/** What is asked before something is done. */
export interface Question {
  /** The question itself, without the way to answer. */
  text: string;
  /** What is said when the answer is no. */
  declined: string;
  /** The answer is yes already: `--yes` was typed. */
  yes: boolean;
}

/** Whether a question would be asked: where nobody can answer, the command itself is the yes. */
export function asks({ io, json }: Cli, { yes }: Pick<Question, 'yes'>): boolean {
  return !yes && !json && process.stdin.isTTY === true && isTerminal(io.stdout, io.env);
}

/**
 * Asks the reader for a yes, where there is one to ask; Ctrl-C and the end of the input are a no.
 *
 * @throws {CommandError} when the answer is no
 */
export async function confirm(cli: Cli, question: Question): Promise<void> {
  if (!asks(cli, question) || (await answersYes(cli.io, question.text))) return;
  throw new CommandError(EXIT.failed, question.declined);
}

async function answersYes({ stdout, interrupted }: Io, question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: stdout });
  const abandoned = new AbortController();
  // In a terminal that is read line by line, Ctrl-C comes here and not as a signal.
  for (const event of ['SIGINT', 'close'] as const) prompt.on(event, () => abandoned.abort());
  try {
    const signal = AbortSignal.any([interrupted, abandoned.signal]);
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `, { signal })).trim());
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    // The cursor stands behind the question still.
    stdout.write('\n');
    return false;
  } finally {
    prompt.close();
  }
}

export interface ApiState {
  url: string;
  /** Version that it serves; null when it serves none. */
  version: string | null;
  /** Registered model that it serves. */
  registeredModel: string | null;
  /** Why it serves none, in words. */
  problem: string | null;
}

const Health = z.object({
  model_name: z.string().nullish(),
  model_version: z.coerce.string().nullish(),
  reason: z.string().nullish(),
  error: z.string().nullish(),
});
const LIMIT_MS = 3_000;

/** What the API itself says that it serves: the same `GET /health` as any of its users may ask. Never throws. */
export async function apiState({ deployment }: Config): Promise<ApiState> {
  const url = deployment.apiUrl.replace(/\/+$/, '');
  const none = { url, version: null, registeredModel: null };
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(LIMIT_MS) });
    const health = Health.safeParse(await response.json().catch(() => null)).data;
    const { model_name, model_version, reason, error } = health ?? {};
    if (response.ok && model_version) {
      return { url, version: model_version, registeredModel: model_name ?? null, problem: null };
    }
    return { ...none, problem: reason ?? error ?? `/health answers ${response.status}` };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    return { ...none, problem: late ? `no answer within ${LIMIT_MS / 1000} s` : 'nothing answers there' };
  }
}
