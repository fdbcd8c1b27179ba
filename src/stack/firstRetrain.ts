import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import { champion } from './champion.ts';
import { readJson } from './http.ts';
import { launch } from './launch.ts';
import { hasGateway } from './parts.ts';

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

/**
 * Runs one retrain as a user would, with its progress on this terminal, and asks the API for the version that it made.
 *
 * @returns ok: a new version is the champion and answers; otherwise why not
 */
export async function firstRetrain(
  config: Config,
  options: FirstRetrainOptions,
): Promise<{ ok: true } | { ok: false; why: string }> {
  const before = await champion(config);
  const exitCode = await follow(options);
  if (exitCode !== 0) return { ok: false, why: `the retrain ended with exit code ${exitCode}` };
  const after = await champion(config);
  if (!after || after.version === before?.version) {
    return { ok: false, why: `the retrain made no new champion of ${config.registry.registeredModel}` };
  }
  if (!hasGateway(config) || (await answersWith(after.version, config))) return { ok: true };
  return { ok: false, why: `the API at ${config.deployment.apiUrl} does not answer with version ${after.version}` };
}

async function follow({ trials, reaper, signal }: FirstRetrainOptions): Promise<number | null> {
  const flags = trials === undefined ? [] : ['--trials', String(trials)];
  const command = [process.execPath, CLIENT, 'retrain', '--follow', ...flags];
  const client = await launch({ command, env: {}, output: 'inherit', reaper });
  const kill = () => void client.kill(STOP_GRACE_MS);
  signal.addEventListener('abort', kill, { once: true });
  const { exitCode } = await client.exited;
  signal.removeEventListener('abort', kill);
  await client.kill(STOP_GRACE_MS);
  return exitCode;
}

async function answersWith(version: string, config: Config): Promise<boolean> {
  const url = `${config.deployment.apiUrl}/health`;
  for (const deadline = Date.now() + ANSWER_LIMIT_MS; Date.now() < deadline; await delay(200)) {
    const health = (await readJson(url)) as { model_version?: unknown } | null | undefined;
    if (health && String(health.model_version) === version) return true;
  }
  return false;
}
