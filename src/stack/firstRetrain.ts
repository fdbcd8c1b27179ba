import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { workflowIds } from '../contracts/ids.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import { champion } from './champion.ts';
import { readJson } from './http.ts';
import { launch } from './launch.ts';
import { hasGateway } from './parts.ts';
import { runningRetrain } from './runningRetrain.ts';

const CLIENT = fileURLToPath(new URL('../client.ts', import.meta.url));

/** The redeployment was verified before the retrain ended, so the API has only to be asked again (ms). */
const ANSWER_LIMIT_MS = 10_000;
/** The client closes its connection and says what goes on without it (ms). */
const STOP_GRACE_MS = 3_000;

export interface FirstRetrainOptions {
  /** Trials of the search; absent: what the configuration says. */
  trials?: number | undefined;
  reaper: Reaper;
  /** Ends the client that follows the retrain. */
  signal: AbortSignal;
}

export interface RetrainOutcome {
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
  if (running) console.log(`Continuing ${running}, which was under way.`);
  const exitCode = await runClient(running ? ['follow', running] : newRetrain(retrainId, options), options);
  const problem =
    exitCode === 0 ? await whatIsWrong(config, retrainId) : `the retrain ended with exit code ${exitCode}`;
  return problem === undefined ? { retrainId } : { retrainId, problem };
}

function newRetrain(id: string, { trials }: FirstRetrainOptions): string[] {
  return ['retrain', '--follow', '--id', id, ...(trials === undefined ? [] : ['--trials', String(trials)])];
}

async function runClient(args: readonly string[], { reaper, signal }: FirstRetrainOptions): Promise<number | null> {
  const client = await launch({ command: [process.execPath, CLIENT, ...args], env: {}, output: 'inherit', reaper });
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
  const url = `${config.deployment.apiUrl}/health`;
  for (const deadline = performance.now() + ANSWER_LIMIT_MS; performance.now() < deadline; await delay(200)) {
    const health = (await readJson(url)) as { model_version?: unknown } | null | undefined;
    if (health && String(health.model_version) === version) return true;
  }
  return false;
}
