import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, forModel, fromRoot, modelNames } from '../../config.ts';
import { lockQueue } from '../../contracts/lock.ts';
import { workflowIds } from '../../contracts/names.ts';
import { type InForce, settingsInForce } from '../../systems/settingsInForce.ts';
import { duration, scoreText, utcMinute } from '../../words/numbers.ts';
import type { Cli, Style } from '../cli.ts';
import { askSteward, type StewardAnswer, stewardLine } from '../drift/steward.ts';
import { CommandError } from '../exit.ts';
import { otherSettings } from '../otherSettings.ts';
import { scheduleStates } from '../schedules/list.ts';
import { type ApiState, apiState, servedText, serves } from '../servedApi.ts';
import { type Session, withSession } from '../session.ts';
import { type RegistryState, registryState, type VersionState } from '../versions/registry.ts';
import { type ExecutionState, listExecutions } from './workflow.ts';

export async function showOverview(cli: Cli): Promise<void> {
  const overview = await gatherOverview(cli);
  cli.show(overview, () => overviewLines(overview, cli.style, new Date()));
}

/** Where a model stands; what could not be asked is null. */
interface ModelState {
  registeredModel: string;
  registry: RegistryState | null;
  /** Null: of several models, this one has no API. */
  api: (ApiState & { notChecked: NotChecked[] }) | null;
  /** Whether the API serves what is in Production; null when that is not known. */
  agrees: boolean | null;
  /** The holder of the model's lock first, then who waits for it. */
  lock: LockState[] | null;
  /** Who takes the model's drift alerts, and what it is doing. */
  steward: StewardAnswer | null;
}

/** Where everything stands; `problems` says why something could not be asked. */
interface Overview extends ModelState {
  /** The other models of the deployment. */
  others: ModelState[];
  running: ExecutionState[] | null;
  recent: ExecutionState[] | null;
  /** When each schedule starts next. */
  schedules: NextStart[] | null;
  /** Of the file that this command read, and of the processes of this host. */
  settings: { digest: string; inForce: InForce[] };
  problems: string[];
}

/** Asks MLflow, the API and Temporal at once, and sets the exit code when one that is needed does not answer. */
async function gatherOverview(cli: Cli): Promise<Overview> {
  const config = cli.config();
  const problems: string[] = [];
  const orNull = async <Value>(asked: Promise<Value>): Promise<Value | null> => {
    try {
      return await asked;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      problems.push(error.message);
      cli.exitCode = error.exitCode;
      return null;
    }
  };
  const configs = modelNames(config).map((name) => forModel(config, name));
  const temporal = orNull(withSession(cli, (session) => ofTemporal(session, configs)));
  const models = await Promise.all(
    configs.map(async (own, index): Promise<ModelState> => {
      const hasApi = configs.length === 1 || own.deployment.target !== 'none';
      const api = hasApi ? apiState(own).then((state) => ({ ...state, notChecked: notChecked(own) })) : null;
      const [registry, answering, asked] = await Promise.all([orNull(registryState(own)), api, temporal]);
      const { registeredModel } = own.registry;
      const { lock = null, steward = null } = asked?.models[index] ?? {};
      return {
        registeredModel,
        registry,
        api: answering,
        agrees: agreement(registeredModel, registry, answering),
        lock,
        steward,
      };
    }),
  );
  const { running = null, recent = null, schedules = null } = (await temporal) ?? {};
  const [first, ...others] = models as [ModelState, ...ModelState[]];
  // What is not there for one model is not there for the others.
  const settings = { digest: config.digest, inForce: settingsInForce(config) };
  return { ...first, others, running, recent, schedules, settings, problems: [...new Set(problems)] };
}

/** All that Temporal knows, over one connection. */
async function ofTemporal(session: Session, configs: readonly Config[]) {
  const [executions, schedules, models] = await Promise.all([
    listExecutions(session),
    nextStarts(session),
    Promise.all(
      configs.map(async (config) => {
        const [lock, steward] = await Promise.all([
          lockState({ ...session, config }),
          askSteward(session, config.registry.registeredModel),
        ]);
        return { lock, steward };
      }),
    ),
  ]);
  return { ...executions, schedules, models };
}

/** What nobody can look at, as the API does not have it. */
type NotChecked = 'schema' | 'predictionLog';

function notChecked(config: Config): NotChecked[] {
  const { command, contract } = config.deployment;
  const isForeign = command !== undefined || contract !== undefined;
  const log = join(fromRoot(config, config.stack.dir), 'predictions', 'predictions.csv');
  const isLogged = config.monitoring.log !== '' || existsSync(log);
  return [
    ...(contract?.schema.path === '' ? (['schema'] as const) : []),
    ...(isForeign && !isLogged ? (['predictionLog'] as const) : []),
  ];
}

const NOT_CHECKED: Record<NotChecked, string> = {
  schema: 'what it reads (it has no schema path)',
  predictionLog: 'drift (it keeps no prediction log; name its own in monitoring.log)',
};

function agreement(registeredModel: string, registry: RegistryState | null, api: ApiState | null): boolean | null {
  if (!registry?.production || !api || api.version === null) return null;
  return serves(api, registeredModel, registry.production.version);
}

/** The overview in lines for a reader. */
function overviewLines(overview: Overview, style: Style, now: Date): string[] {
  const { others, running, recent, schedules, settings, problems } = overview;
  return [
    ...modelLines(overview, style, now),
    ...others.flatMap((model) => ['', ...modelLines(model, style, now)]),
    ...(schedules ?? []).map(scheduleLine),
    ...settingsLines(settings, style),
    ...(running ? ['', style('bold', 'Running'), ...executionLines(running, now)] : []),
    ...(recent ? ['', style('bold', 'Ended last'), ...executionLines(recent, now)] : []),
    ...(problems.length > 0 ? ['', ...problems.map((problem) => style('red', problem))] : []),
  ];
}

function modelLines(model: ModelState, style: Style, now: Date): string[] {
  const { registeredModel, registry, api, lock, steward } = model;
  const [holder, ...waiting] = lock ?? [];
  return [
    style('bold', registeredModel),
    ...(registry ? registryLines(registry) : []),
    ...(api ? apiLines(api, registeredModel) : []),
    ...agreementLines(model, style),
    ...(holder ? [`  Lock        held by ${holder.workflowId} (${holder.purpose}); ${waiting.length} waiting`] : []),
    ...(steward ? [`  Drift       steward: ${stewardLine(steward, now.getTime())}`] : []),
  ];
}

function apiLines(api: NonNullable<ModelState['api']>, registeredModel: string): string[] {
  const { version, url, problem, notChecked: left } = api;
  if (version === null) return [`  API         serves nothing at ${url}: ${problem}`];
  const not = left.map((what) => NOT_CHECKED[what]);
  return [
    `  API         ${servedText(api, registeredModel)} at ${url}`,
    ...(not.length > 0 ? [`              not checked: ${not.join('; ')}`] : []),
  ];
}

function settingsLines({ digest, inForce }: Overview['settings'], style: Style): string[] {
  if (inForce.length === 0) return [];
  const parts = inForce.map(
    ({ part, pid, digest: own }) => `${part} ${pid}${own === digest ? '' : ` goes by ${own || 'no file'}`}`,
  );
  return [
    `  Settings    ${digest || 'no file'}: ${parts.join(', ')}`,
    ...otherSettings(digest, inForce).map((line) => style('yellow', `              ${line}`)),
  ];
}

function scheduleLine({ name, at, state }: NextStart): string {
  const next = at ? `next ${utcMinute(at)}` : 'starts nothing now';
  return `  Schedule    ${name}: ${next}${state === 'as declared' ? '' : ` (${state}: see "mediwatch schedules")`}`;
}

function registryLines({ production, staging, newest, versions }: RegistryState): string[] {
  if (versions === 0) return ['  No version yet: a retrain makes the first ("mediwatch retrain --follow").'];
  const shown = [production, ...staging].map((version) => version?.version);
  return [
    `  Production  ${production ? versionText(production) : 'empty'}`,
    ...staging.map((version) => `  Staging     ${versionText(version)}`),
    ...(newest && !shown.includes(newest.version) ? [`  Newest      ${versionText(newest)}`] : []),
  ];
}

function versionText({ version, score, aliases, createdAt }: VersionState): string {
  const names = aliases.map((alias) => ` @${alias}`).join('');
  return `version ${version}${score ? `, ${scoreText(score)}` : ''}, of ${utcMinute(createdAt)}${names}`;
}

function agreementLines({ registeredModel, agrees, registry, api }: ModelState, style: Style): string[] {
  if (agrees === true) return [style('green', '              which is what is in Production')];
  if (agrees === null || !api) return [];
  const text =
    `  The API serves ${servedText(api, registeredModel)}, but version ${registry?.production?.version} is in Production. ` +
    'Bring it there with "mediwatch redeploy".';
  return [style('yellow', text)];
}

function executionLines(executions: readonly ExecutionState[], now: Date): string[] {
  if (executions.length === 0) return ['  none'];
  const width = Math.max(...executions.map(({ workflowId }) => workflowId.length));
  return executions.map(({ workflowId, state, startedAt, endedAt }) => {
    const took = duration((endedAt ? Date.parse(endedAt) : now.getTime()) - Date.parse(startedAt));
    return `  ${workflowId.padEnd(width)}  ${state.padEnd(9)}  ${took}`;
  });
}

/** A workflow that holds or wants the lock of the model. */
interface LockState {
  workflowId: string;
  purpose: string;
}

const LOCK_LIMIT_MS = 2_000;

/** Who holds the lock and who waits for it, in order; nobody when the lock's workflow has ended or does not answer. */
async function lockState({ client, config }: Session): Promise<LockState[]> {
  const handle = client.workflow.getHandle(workflowIds.lock(config.registry.registeredModel));
  try {
    return await client.withDeadline(Date.now() + LOCK_LIMIT_MS, async () => {
      const { status } = await handle.describe();
      if (status.name !== 'RUNNING') return [];
      const queue = await handle.query(lockQueue);
      return queue.map(({ workflowId, purpose }) => ({ workflowId, purpose }));
    });
  } catch {
    // No lock was ever asked for, or no worker is there to answer: the rest of the status says the latter.
    return [];
  }
}

/** A schedule and its next start. */
interface NextStart {
  name: string;
  workflow: string;
  /** ISO 8601; null: it is paused, or not in Temporal. */
  at: string | null;
  /** As `mediwatch schedules` calls it, such as `as declared`. */
  state: string;
}

const SCHEDULES_LIMIT_MS = 3_000;

/** When each schedule starts next, the soonest first; null when that is not known: `mediwatch schedules` says why. */
async function nextStarts(session: Session): Promise<NextStart[] | null> {
  try {
    const states = await session.client.withDeadline(Date.now() + SCHEDULES_LIMIT_MS, () => scheduleStates(session));
    return states
      .map(({ name, workflow, state, next }) => ({ name, workflow, at: next[0] ?? null, state }))
      .toSorted((a, b) => (a.at ?? '~').localeCompare(b.at ?? '~'));
  } catch {
    return null;
  }
}
