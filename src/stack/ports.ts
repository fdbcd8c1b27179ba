import pRetry, { AbortError } from 'p-retry';
import { variableOf } from '../config.ts';
import { holderOf, listenFault } from '../systems/ports.ts';
import { StackProblem } from './problem.ts';
import type { PortNeed } from './supervise.ts';

const RETRY = { retries: Number.POSITIVE_INFINITY, minTimeout: 100, factor: 1 };
/** No address of this host, or a name without one. */
const NOT_OURS = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN']);

/**
 * Makes sure that every port is free before anything is started.
 *
 * @param options.waitMs how long a port may still be held by what is about to end (ms)
 * @throws {StackProblem} naming each taken port, the setting that changes it and, on Linux, who holds it
 */
export async function checkPorts(needs: readonly PortNeed[], { waitMs }: { waitMs: number }): Promise<void> {
  const twice = needs.find(({ port }, index) => needs.findIndex((other) => other.port === port) !== index);
  if (twice) throw new StackProblem(`Two parts are set to port ${twice.port}: change ${twice.setting}.`);
  await pRetry(() => assertFree(needs), { ...RETRY, maxRetryTime: waitMs });
}

async function assertFree(needs: readonly PortNeed[]): Promise<void> {
  const codes = await Promise.all(needs.map(listenFault));
  const foreign = needs.find((_, index) => NOT_OURS.has(codes[index] ?? ''));
  if (foreign) throw new AbortError(new StackProblem(notOurs(foreign)));
  const taken = needs.filter((_, index) => codes[index] !== undefined);
  if (taken.length > 0) throw new StackProblem((await Promise.all(taken.map(sentence))).join('\n'));
}

async function sentence({ port, setting }: PortNeed): Promise<string> {
  const holder = await holderOf(port);
  const by = holder ? ` by process ${holder.pid} (${holder.command})` : '';
  const variable = variableOf(setting.split('.'));
  return `Port ${port} is taken${by}; nothing was started. Free it, or choose another one with ${setting} in mediwatch.yaml or ${variable} in the environment.`;
}

function notOurs({ host }: PortNeed): string {
  return `This host has no address ${host}; nothing was started. Correct stack.bind in mediwatch.yaml or ${variableOf(['stack', 'bind'])} in the environment.`;
}
