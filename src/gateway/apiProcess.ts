import { mkdirSync } from 'node:fs';
import { execa } from 'execa';
import pRetry from 'p-retry';
import type { Logger } from 'pino';
import { request } from 'undici';
import { type ApiContract, notReady } from '../contracts/apiContract.ts';
import type { Instance, InstanceSpec } from '../contracts/gateway.ts';
import { checkHeader } from '../systems/checkSecret.ts';
import { LOOPBACK } from '../systems/ports.ts';
import { ownEnvironment } from '../systems/processes/environment.ts';
import { killTree } from '../systems/processes/killTree.ts';
import { TAG_VARIABLE } from '../systems/processes/processTable.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import type { Command } from './command.ts';
import { openInstanceLog } from './instanceLog.ts';

/** How often /health is asked until it answers with 200. */
const PROBING = { retries: Number.POSITIVE_INFINITY, minTimeout: 100, factor: 1 };
const PROBE_TIMEOUT_MS = 5_000;
/** For what a process leaves behind when it exits (ms). */
const LEFTOVER_GRACE_MS = 1_000;

interface ApiProcessOptions {
  spec: InstanceSpec;
  port: number;
  command: Command;
  /** How its answers say how it does. */
  health: ApiContract['health'];
  logFile: string;
  reaper: Reaper;
  /** Called when its state, or the reason for it, has changed. */
  onChange: () => void;
  log: Logger;
}

/** One API process: started at once, `running` when its health path says so, until it exits or is stopped. */
export type ApiProcess = ReturnType<typeof startApiProcess>;

/** Starts an API process in its own process group. A program that cannot be started shows as `exited`. */
export function startApiProcess(options: ApiProcessOptions) {
  const { spec, port, command, health, logFile, reaper, onChange, log } = options;
  const url = `http://${LOOPBACK}:${port}`;
  const tag = reaper.newTag();
  const startedAt = new Date().toISOString();
  const output = openInstanceLog(logFile);
  const probing = new AbortController();
  let state: Instance['state'] = 'starting';
  let reason: string | undefined = 'it was just started';
  let runningSince: number | undefined;
  let exit: Pick<Instance, 'exitCode' | 'signal'> = {};

  const become = (to: Instance['state'], why?: string) => {
    if (to === state && why === reason) return;
    [state, reason] = [to, why];
    onChange();
  };

  makePredictionFolder(command, log);
  const child = execa(command.file, command.args, {
    ...ownEnvironment(['network', 'computing', 'mlflow'], { ...command.env, [TAG_VARIABLE]: tag }),
    ...(command.cwd && { cwd: command.cwd }),
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stdin: 'ignore',
    all: true,
  });
  const { pid } = child;
  if (pid) reaper.watch(pid, tag);
  child.all.pipe(output, { end: false });

  const exited = (code: number | null, signal: string | null) => {
    exit = { ...(code !== null && { exitCode: code }), ...(signal && { signal }) };
    become('exited', signal ? `it was ended by ${signal}` : `it exited with code ${code}`);
    probing.abort();
    log.info({ key: spec.key, version: spec.version, pid, exitCode: code, signal }, 'API process exited');
    // A child that it left behind would hold its output open, and memory.
    return pid ? killTree({ pgid: pid, tag, graceMs: LEFTOVER_GRACE_MS }) : undefined;
  };
  const leaderGone = new Promise<void>((resolve) => {
    child.nodeChildProcess.once('exit', (code, signal) => resolve(exited(code, signal)));
    child.nodeChildProcess.once('error', (error) => {
      if (pid) return;
      output.write(`${error.message}\n`);
      become('exited', `it could not be started: ${error.message}`);
      probing.abort();
      resolve();
    });
  });
  const gone = Promise.all([leaderGone, child]).then(() => {
    if (pid) reaper.forget(pid);
  });

  /** Asks /health once and notes what it says. */
  const look = async () => {
    if (state !== 'starting') return;
    const { API_CHECK_SECRET: secret } = command.env;
    const found = await probe(url, health, { signal: probing.signal, headers: secret ? checkHeader(secret) : {} });
    if (state !== 'starting') return;
    if (found !== null) return become('starting', found);
    runningSince = performance.now();
    become('running');
    log.info({ key: spec.key, version: spec.version, pid, url }, 'API process is running');
  };
  const untilRunning = async () => {
    await look();
    if (state === 'starting') throw new Error(reason);
  };
  pRetry(untilRunning, { ...PROBING, signal: probing.signal }).catch(() => {});
  log.info({ key: spec.key, version: spec.version, pid, port, logFile }, 'API process started');

  return {
    spec,
    url,
    port,
    logFile,
    /** Resolves when the process and all that it started are gone and its log is complete. */
    gone,
    state: () => state,
    /** Why it is not running, as text. */
    reason: () => reason,
    /** Asks /health at once instead of at the next probe; why it is not running, as text, or null. */
    async problem() {
      await look();
      return state === 'running' ? null : `${state} (${reason})`;
    },
    /** When it became `running` (ms, as `performance.now()` counts them). */
    runningSince: () => runningSince,
    /** The instance as the admin API shows it. */
    view: (): Instance => ({
      key: spec.key,
      model: spec.model,
      version: spec.version,
      ...(spec.runId && { runId: spec.runId }),
      url,
      ...(pid && { pid }),
      port,
      state,
      ...(reason && { reason }),
      ...exit,
      logFile,
      ...(state === 'exited' && { logTail: output.tail() }),
      startedAt,
    }),
    /** SIGTERM to its process group, SIGKILL after the grace (ms); resolves when it is gone. */
    async stop(graceMs: number) {
      probing.abort();
      if (pid && state !== 'exited') await killTree({ pgid: pid, tag, graceMs });
      await gone;
    },
  };
}

/** In a container the folder is there, being mounted: an API need not make it. One that can do without still runs. */
function makePredictionFolder({ env }: Command, log: Logger): void {
  if (!env.PRED_LOG_DIR) return;
  try {
    mkdirSync(env.PRED_LOG_DIR, { recursive: true });
  } catch (error) {
    log.warn({ folder: env.PRED_LOG_DIR, reason: (error as Error).message }, 'no folder for predictions');
  }
}

/**
 * Asks its health path once.
 *
 * @param headers what the API must know us by, to say why it has no model
 * @returns null: it answers with 2xx and is ready; otherwise why not, as text
 */
export async function probe(
  url: string,
  health: ApiContract['health'],
  { signal, headers = {} }: { signal?: AbortSignal; headers?: Record<string, string> } = {},
): Promise<string | null> {
  const { path } = health;
  try {
    const limit = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const ended = signal ? AbortSignal.any([signal, limit]) : limit;
    const response = await request(url + path, { headers, signal: ended });
    const { statusCode: status } = response;
    const body = parsed(await response.body.text());
    if (status >= 200 && status < 300) {
      const waits = notReady({ body, headers: response.headers }, health);
      return waits && `${path} answers ${status}: ${waits}`;
    }
    const reason = reasonIn(body);
    return `${path} answers ${status}${reason ? `: ${reason}` : ''}`;
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED') return 'it does not listen yet';
    if (name === 'TimeoutError') return `${path} does not answer within ${PROBE_TIMEOUT_MS / 1_000} s`;
    return `${path} cannot be read: ${message}`;
  }
}

function reasonIn(body: unknown): string {
  const reason = (body as { reason?: unknown } | null)?.reason;
  const text = typeof reason === 'string' ? reason : typeof body === 'string' ? body : JSON.stringify(body);
  return text.slice(0, 500);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
