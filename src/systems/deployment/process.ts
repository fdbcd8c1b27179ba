import { isLoopback } from '../../config/network.ts';
import type { GatewayAddress } from '../adminToken.ts';
import { createGatewayClient } from './gatewayClient.ts';
import { type DeploymentTarget, GatewayError } from './target.ts';

/** The API as a process of the gateway. */
export function createProcessTarget(at: GatewayAddress): DeploymentTarget {
  const gateway = createGatewayClient(at);
  return {
    serving: gateway.serving,
    traffic: gateway.traffic,
    close: gateway.close,

    async start({ key, model, version, runId }, signal) {
      const { url, logFile } = await gateway.start({ key, model, version, ...(runId && { runId }) }, signal);
      return { key, model, version, url: seenFromHere(url, at.adminUrl), logFile };
    },

    async state(key) {
      const instance = await gateway.instance(key);
      if (!instance) return { state: 'absent' };
      const { state, reason, exitCode, logTail } = instance;
      return {
        state,
        ...(reason && { reason }),
        ...(exitCode !== undefined && { exitCode }),
        ...(logTail !== undefined && { logTail }),
      };
    },

    async shift(key, share) {
      const shifted = await gateway.shift(key, share);
      if (shifted) return shifted;
      // A gateway that was restarted has forgotten its candidates: starting it again under its key helps.
      const message = `The API gateway has no instance ${key}; it was restarted, or it was stopped.`;
      throw new GatewayError(message, { status: 404, retryable: false });
    },

    async idle() {
      const upstreams = await gateway.upstreams();
      return upstreams.filter(({ kind, active }) => kind === 'process' && !active).map(({ key }) => key);
    },

    // Not only an instance: what served before may be a container that the gateway knows of.
    stop: gateway.remove,
  };
}

/** The gateway names its processes by loopback; from another host they are reached by the name of the gateway's. */
function seenFromHere(url: string, adminUrl: string): string {
  const { protocol, hostname } = new URL(adminUrl);
  if (protocol === 'unix:' || isLoopback(hostname)) return url;
  const seen = new URL(url);
  seen.hostname = hostname;
  return seen.origin;
}
