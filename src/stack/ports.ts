import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { variableOf } from '../config.ts';
import type { PortNeed } from './part.ts';
import { holderOf } from './portHolder.ts';
import { StackProblem } from './problem.ts';

const RETRY_MS = 100;

/**
 * Makes sure that every port is free before anything is started.
 *
 * @param options.waitMs how long a port may still be held by what is about to end (ms)
 * @throws {StackProblem} naming each taken port, the setting that changes it and, on Linux, who holds it
 */
export async function checkPorts(needs: readonly PortNeed[], { waitMs }: { waitMs: number }): Promise<void> {
  const twice = needs.find(({ port }, index) => needs.findIndex((other) => other.port === port) !== index);
  if (twice) throw new StackProblem(`Two parts are set to port ${twice.port}: change ${twice.setting}.`);
  const deadline = Date.now() + waitMs;
  for (;;) {
    const free = await Promise.all(needs.map(({ port }) => isFree(port)));
    const taken = needs.filter((_, index) => !free[index]);
    if (taken.length === 0) return;
    if (Date.now() >= deadline) throw new StackProblem((await Promise.all(taken.map(sentence))).join('\n'));
    await delay(RETRY_MS);
  }
}

async function sentence({ port, setting }: PortNeed): Promise<string> {
  const holder = await holderOf(port);
  const by = holder ? ` by process ${holder.pid} (${holder.command})` : '';
  const variable = variableOf(setting.split('.'));
  return `Port ${port} is taken${by}; nothing was started. Free it, or choose another one with ${setting} in mediwatch.yaml or ${variable} in the environment.`;
}

/** Whether something could listen there on loopback now. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
