import { join } from 'node:path';
import type { Logger } from 'pino';
import { hostOf } from '../config/embedded.ts';
import { type Config, fromRoot } from '../config.ts';
import { LOOPBACK, LOOPBACK_NAMES } from '../systems/ports.ts';
import { createReaper } from '../systems/processes/reaper.ts';
import { createAdmin } from './admin.ts';
import { apiCommand, type CommandOf } from './command.ts';
import { closeWithin, createProxy } from './proxy.ts';
import { createRouting } from './routing.ts';
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
  const plane = await createProxy({ requestTimeoutMs, log });
  const onChange = () => routing.publish();
  const upstreams = createUpstreams({ command, bind, logDir: join(dir, 'logs'), graceMs, reaper, onChange, log });
  const routing = createRouting({ upstreams, plane, stateFile: join(dir, 'gateway', 'state.json'), log });
  const admin = createAdmin({ upstreams, routing, plane, hosts: adminHosts, log });

  const close = async () => {
    routing.close();
    await Promise.all([plane.close(drainMs), closeWithin(admin, 0)]);
    await upstreams.close();
    await reaper.close();
  };
  try {
    const apiUrl = await listen(plane.listen(bind, apiPort), apiPort, 'stack.apiPort');
    await routing.restore();
    const adminUrl = await listen(admin.listen({ host: bind, port: adminPort }), adminPort, 'stack.apiAdminPort');
    let closed: Promise<void> | undefined;
    return { apiUrl, adminUrl, close: () => (closed ??= close()) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listen(listening: Promise<string>, port: number, setting: string): Promise<string> {
  try {
    return await listening;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${port} is taken by another program. Stop that one, or set ${setting} to another port.`);
  }
}
