import { fileURLToPath } from 'node:url';
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import pRetry from 'p-retry';
import { hasGateway } from '../config/embedded.ts';
import { printable } from '../config/printable.ts';
import type { Config } from '../config.ts';
import { OUR_CONTRACT } from '../contracts/apiContract.ts';
import { workflowIds } from '../contracts/names.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/savedQueries.ts';
import { gatewayAt } from '../systems/adminToken.ts';
import { createGatewayClient } from '../systems/deployment/gatewayClient.ts';
import { variablesOf } from '../systems/processes/environment.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import { startedWith } from '../systems/startedWith.ts';
import { clientOptions, connectionOptions } from '../systems/temporal.ts';
import { partEnvironment } from './environment.ts';
import { launch } from './launch.ts';
import { readJson } from './parts.ts';
import { champion } from './whereToLook.ts';

const CLIENT = fileURLToPath(new URL('../client.ts', import.meta.url));

/** The redeployment was verified before the retrain ended, so the API has only to be asked again (ms). */
const ANSWER_LIMIT_MS = 10_000;
/** The client closes its connection and says what goes on without it (ms). */
const STOP_GRACE_MS = 3_000;

interface FirstRetrainOptions {
  /** Trials of the search; absent: what the configuration says. */
  trials?: number | undefined;
  reaper: Reaper;
  /** Ends the client that follows the retrain. */
  signal: AbortSignal;
}

interface RetrainOutcome {
  retrainId: string;
  /** Why the new version does not serve; absent: it does. */
  problem?: string;
}

/**
 * Runs one retrain as a user would, with its progress on this terminal, and asks the API for the version that it made.
 * One that is under way, because an earlier stack was stopped in its middle, is followed to its end instead.
 */
export async function firstRetrain(config: Config, options: FirstRetrainOptions): Promise<RetrainOutcome> {
  const running = await runningRetrain(config);
  const retrainId = running ?? workflowIds.started('retrain', new Date());
  if (running) console.log(printable(`Continuing ${running}, which was under way.`));
  const exitCode = await runClient(config, running ? ['follow', running] : newRetrain(retrainId, options), options);
  const problem =
    exitCode === 0 ? await whatIsWrong(config, retrainId) : `the retrain ended with exit code ${exitCode}`;
  return problem === undefined ? { retrainId } : { retrainId, problem };
}

function newRetrain(id: string, { trials }: FirstRetrainOptions): string[] {
  return ['retrain', '--follow', '--id', id, ...(trials === undefined ? [] : ['--trials', String(trials)])];
}

async function runClient(
  config: Config,
  args: readonly string[],
  { reaper, signal }: FirstRetrainOptions,
): Promise<number | null> {
  const env = {
    ...partEnvironment(config, 'client'),
    ...variablesOf(['TERM', 'COLORTERM', 'NO_COLOR', 'FORCE_COLOR', 'COLUMNS', 'LINES', 'CI']),
  };
  const client = await launch({ command: [process.execPath, CLIENT, ...args], env, output: 'inherit', reaper });
  const kill = () => void client.kill(STOP_GRACE_MS);
  signal.addEventListener('abort', kill, { once: true });
  const { exitCode } = await client.exited;
  signal.removeEventListener('abort', kill);
  await client.kill(STOP_GRACE_MS);
  return exitCode;
}

/** Undefined: the retrain's version is the champion and, where there is an API, answers. */
async function whatIsWrong(config: Config, retrainId: string): Promise<string | undefined> {
  const best = await champion(config);
  if (best?.retrainId !== retrainId) return `its version is not the champion of ${config.registry.registeredModel}`;
  if (!hasGateway(config) || (await answersWith(best.version, config))) return undefined;
  return `the API at ${config.deployment.apiUrl} does not answer with version ${best.version}`;
}

async function answersWith(version: string, config: Config): Promise<boolean> {
  const gateway = createGatewayClient(gatewayAt(config));
  const { apiUrl, contract = OUR_CONTRACT } = config.deployment;
  const { registeredModel } = config.registry;
  const assertAnswers = async () => {
    const [serving, health] = await Promise.all([gateway.serving(), readJson(apiUrl + contract.health.path)]);
    const answers = serving?.model === registeredModel && serving.version === version && health !== undefined;
    if (!answers) throw new Error('another version answers, or none');
  };
  const asking = { retries: Number.POSITIVE_INFINITY, minTimeout: 200, factor: 1, maxRetryTime: ANSWER_LIMIT_MS };
  return await pRetry(assertAnswers, asking)
    .then(
      () => true,
      () => false,
    )
    .finally(() => gateway.close());
}

/**
 * Id of a retrain of the registered model that is under way, such as one that a killed stack left unfinished; undefined
 * when there is none.
 */
export async function runningRetrain(config: Config): Promise<string | undefined> {
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect(connectionOptions(config));
  try {
    const query = "WorkflowType = 'retrain' AND ExecutionStatus = 'Running'";
    const client = new Client({ connection, ...clientOptions(config) });
    for await (const retrain of client.workflow.list({ query })) {
      if ((await modelOf(client, retrain, config)) === config.registry.registeredModel) return retrain.workflowId;
    }
    return undefined;
  } finally {
    await connection.close();
  }
}

/** One that has not begun, or runs where Temporal does not know our attributes, names its model in its input alone. */
async function modelOf(client: Client, retrain: WorkflowExecutionInfo, { registry }: Config): Promise<unknown> {
  const attribute = retrain.typedSearchAttributes.get(SEARCH_ATTRIBUTES.model);
  if (attribute !== undefined) return attribute;
  const { registeredModel = registry.registeredModel } = await startedWith(client, retrain);
  return registeredModel;
}
