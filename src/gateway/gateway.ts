import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { hostOf } from '../config/embedded.ts';
import { type Config, fromRoot } from '../config.ts';
import { LOOPBACK, LOOPBACK_NAMES } from '../systems/ports.ts';
import { createReaper } from '../systems/processes/reaper.ts';
import { createAdmin } from './admin.ts';
import { apiCommand, type CommandOf } from './command.ts';
import { createExternals } from './externals.ts';
import { createInstances } from './instances.ts';
import { createProxy } from './proxy.ts';
import { createRouting } from './routing.ts';
import { createTraffic } from './traffic.ts';
import { createUpstreams } from './upstreams.ts';

export interface GatewayOptions {
  /** Port of the API; 0: any free one. */
  apiPort: number;
  /** Port of the admin API; 0: any free one. */
  adminPort: number;
  /** Address that both ports are opened on; default: loopback. */
  bind?: string;
  /** Host names by which the admin API may be called; default: those of loopback. */
  adminHosts?: readonly string[];
  /** Folder of the state and the logs. */
  dir: string;
  /** How long open requests may go on when the gateway closes (ms). */
  drainMs: number;
  /** How an API process is started. */
  command: CommandOf;
  log: Logger;
  /** From SIGTERM to SIGKILL of an API process (ms). */
  graceMs?: number;
  /** How long an API process may take to begin its answer (ms). */
  requestTimeoutMs?: number;
}

export interface Gateway {
  readonly apiUrl: string;
  readonly adminUrl: string;
  /** Finishes open requests, stops every API process, and keeps which version was active. */
  close(): Promise<void>;
}

/** The options of the gateway of a configuration. */
export function gatewayOptions(config: Config, log: Logger): GatewayOptions {
  return {
    apiPort: config.stack.apiPort,
    adminPort: config.stack.apiAdminPort,
    bind: config.stack.bind,
    // The stack calls it by its address, which no page in a browser can make its own name.
    adminHosts: [...config.stack.adminHosts, hostOf(config.stack.bind)],
    dir: fromRoot(config, config.stack.dir),
    drainMs: config.deployment.drain * 1_000,
    command: apiCommand(config),
    log,
  };
}

/**
 * Opens both ports and starts again the version that was active last.
 *
 * @throws {Error} naming port and setting when a port is taken; nothing stays open or running then
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { apiPort, adminPort, dir, drainMs, command, log } = options;
  const { bind = LOOPBACK, adminHosts = LOOPBACK_NAMES, graceMs = 5_000, requestTimeoutMs = 60_000 } = options;
  const reaper = await createReaper();
  const instances = createInstances({ command, bind, logDir: join(dir, 'logs'), graceMs, reaper, log });
  const upstreams = createUpstreams({ instances, externals: createExternals() });
  const traffic = createTraffic();
  const stateFile = join(dir, 'gateway', 'state.json');
  const routing = createRouting({ instances, upstreams, traffic, stateFile, log });
  const proxy = await createProxy({ destination: routing.destination, traffic, requestTimeoutMs, log });
  const admin = createAdmin({ instances, upstreams, routing, traffic, hosts: adminHosts, log });

  const close = async () => {
    routing.close();
    await Promise.all([closeWithin(proxy, drainMs), closeWithin(admin, 0)]);
    await instances.close();
    await reaper.close();
  };
  try {
    const apiUrl = await listen(proxy, bind, apiPort, 'stack.apiPort');
    await routing.restore();
    const adminUrl = await listen(admin, bind, adminPort, 'stack.apiAdminPort');
    let closed: Promise<void> | undefined;
    return { apiUrl, adminUrl, close: () => (closed ??= close()) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listen(app: FastifyInstance, host: string, port: number, setting: string): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${port} is taken by another program. Stop that one, or set ${setting} to another port.`);
  }
}

/** Closes a server; requests that are open after the limit (ms) are cut off. */
async function closeWithin(app: FastifyInstance, limitMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), limitMs);
  // A connection that was in use when closing began is kept open by Node, waiting for a next request.
  const tidy = setInterval(() => app.server.closeIdleConnections(), 50);
  await app.close();
  clearTimeout(cut);
  clearInterval(tidy);
}
