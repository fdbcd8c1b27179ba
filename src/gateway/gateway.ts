import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { hostOf } from '../config/embedded.ts';
import { isLoopback } from '../config/network.ts';
import { type Config, fromRoot } from '../config.ts';
import { type ApiContract, OUR_CONTRACT } from '../contracts/apiContract.ts';
import type { ExternalSpec } from '../contracts/gateway.ts';
import { ensureAdminToken, gatewayAt } from '../systems/adminToken.ts';
import { EVERYWHERE, LOOPBACK, LOOPBACK_NAMES } from '../systems/ports.ts';
import { createReaper } from '../systems/processes/reaper.ts';
import { createAdmin } from './admin.ts';
import { listenOnSocket } from './adminSocket.ts';
import { upstreamRule } from './allowed.ts';
import { apiCommand, type CommandOf } from './command.ts';
import { closeWithin, createProxy } from './proxy.ts';
import { createRouting } from './routing.ts';
import { createUpstreams } from './upstreams.ts';

export interface GatewayOptions {
  /** Port of the API; 0: any free one. */
  apiPort: number;
  /** Address that ports are opened on; default: loopback. */
  bind?: string;
  /** Port on which the admin API listens, too; absent: its socket is all. */
  adminPort?: AdminPort | undefined;
  /** Whether requests may be sent to a server that the gateway did not start; default: to none. */
  allows?: (spec: ExternalSpec) => boolean;
  /** Folder of the state and the logs. */
  dir: string;
  /** How long open requests may go on when the gateway closes (ms). */
  drainMs: number;
  /** How an API process is started. */
  command: CommandOf;
  /** Where its answers have what they say; default: where those of the bundled one have it. */
  contract?: () => ApiContract;
  log: Logger;
  /** From SIGTERM to SIGKILL of an API process (ms). */
  graceMs?: number;
  /** How long an API process may take to begin its answer (ms). */
  requestTimeoutMs?: number;
}

interface AdminPort {
  /** 0: any free one. */
  port: number;
  /** Host names by which it may be called; default: those of loopback. */
  hosts?: readonly string[];
  /** File with the token that it asks for; made when it is missing. */
  tokenFile: string;
  /** Certificate and key (PEM); absent: plain HTTP. */
  tls?: { cert: string; key: string } | undefined;
}

export interface Gateway {
  readonly apiUrl: string;
  /** `unix:/path` of the admin API's socket. */
  readonly adminUrl: string;
  /** Base URL of its port, if it has one. */
  readonly adminPortUrl: string | undefined;
  /** Finishes open requests, stops every API process, and keeps which version was active. */
  close(): Promise<void>;
}

/**
 * The options of the gateway of a configuration.
 *
 * @param now the settings by which the next API is started; default: those of the gateway itself
 */
export function gatewayOptions(config: Config, log: Logger, now: () => Config = () => config): GatewayOptions {
  return {
    apiPort: config.stack.apiPort,
    bind: config.stack.bind,
    adminPort: adminPortOf(config),
    allows: (spec) => upstreamRule(now())(spec),
    dir: fromRoot(config, config.stack.dir),
    drainMs: config.deployment.drain * 1_000,
    command: (spec, address) => apiCommand(now())(spec, address),
    contract: () => now().deployment.contract ?? OUR_CONTRACT,
    log,
  };
}

function adminPortOf(config: Config): AdminPort | undefined {
  const { apiAdminPort: port, bind, adminHosts, adminCertFile, adminKeyFile } = config.stack;
  if (port === undefined) return undefined;
  const read = (file: string) => readFileSync(fromRoot(config, file), 'utf8');
  return {
    port,
    // By its address as well, which no page in a browser can make its own name.
    hosts: [...adminHosts, hostOf(bind)],
    tokenFile: gatewayAt(config).tokenFile,
    tls: adminCertFile || adminKeyFile ? { cert: read(adminCertFile), key: read(adminKeyFile) } : undefined,
  };
}

/**
 * Opens the port of the API and the socket of the admin API, and starts again the version that was active last.
 *
 * @throws {Error} naming port and setting when a port is taken; nothing stays open or running then
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { apiPort, adminPort, allows = () => false, dir, drainMs, command, log } = options;
  const { bind = LOOPBACK, graceMs = 5_000, requestTimeoutMs = 60_000, contract = () => OUR_CONTRACT } = options;
  const reaper = await createReaper();
  const plane = await createProxy({ requestTimeoutMs, contract, log });
  const onChange = () => routing.publish();
  // Only a deployment worker on another host, who needs the admin port, asks the processes themselves.
  const host = adminPort && !isLoopback(bind) ? EVERYWHERE : LOOPBACK;
  const upstreams = createUpstreams({
    ...{ command, contract, host, logDir: join(dir, 'logs') },
    ...{ graceMs, reaper, onChange, log },
  });
  const routing = createRouting({ upstreams, plane, stateFile: join(dir, 'gateway', 'state.json'), log });
  const makeAdmin = (port?: Parameters<typeof createAdmin>[0]['port']) =>
    createAdmin({ upstreams, routing, plane, allows, log, ...(port && { port }) });
  const socket = makeAdmin();
  const admins = [socket];

  const openPort = async ({ port, hosts = LOOPBACK_NAMES, tokenFile, tls }: AdminPort) => {
    const admin = makeAdmin({ hosts, token: await ensureAdminToken(tokenFile), tls });
    admins.push(admin);
    const url = await listen(admin.listen({ host: bind, port }), port, 'stack.apiAdminPort');
    return tls ? url.replace(/^http:/, 'https:') : url;
  };

  const close = async () => {
    routing.close();
    await Promise.all([plane.close(drainMs), ...admins.map((admin) => closeWithin(admin, 0))]);
    await upstreams.close();
    await reaper.close();
  };
  try {
    const apiUrl = await listen(plane.listen(bind, apiPort), apiPort, 'stack.apiPort');
    await routing.restore();
    const adminUrl = await listenOnSocket(socket, join(dir, 'gateway', 'admin.sock'));
    const adminPortUrl = adminPort && (await openPort(adminPort));
    let closed: Promise<void> | undefined;
    return { apiUrl, adminUrl, adminPortUrl, close: () => (closed ??= close()) };
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
