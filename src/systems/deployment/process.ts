import { Instance, Status, TrafficShifted, UpstreamList } from '../../contracts/gateway.ts';
import { createAdminClient, readAnswer, stopQuery } from './adminClient.ts';
import { GatewayError } from './errors.ts';
import type { DeploymentTarget } from './target.ts';

/** Beyond the drain, stopping takes the grace of the process and the end of what it started (ms). */
const STOP_MARGIN_MS = 30_000;

/**
 * The API as a process of the gateway.
 *
 * @param adminUrl base URL of the gateway's admin API
 */
export function createProcessTarget({ adminUrl }: { adminUrl: string }): DeploymentTarget {
  const gateway = createAdminClient(adminUrl);
  const list = async () => readAnswer(UpstreamList, (await gateway.call('GET', '/upstreams')).body);
  const pathOf = (key: string) => `/instances/${encodeURIComponent(key)}`;

  return {
    async serving() {
      const { body } = await gateway.call('GET', '/status');
      const { active } = readAnswer(Status, body);
      return active && { key: active.key, model: active.model, version: active.version };
    },

    async start({ key, model, version, runId }, signal) {
      const spec = { key, model, version, ...(runId && { runId }) };
      const { body } = await gateway.call('POST', '/instances', { body: spec, signal });
      const { url, logFile } = readAnswer(Instance, body);
      return { key, model, version, url: seenFromHere(url, adminUrl), logFile };
    },

    async state(key) {
      const { status, body } = await gateway.call('GET', pathOf(key));
      if (status === 404) return { state: 'absent' };
      const { state, reason, exitCode, logTail } = readAnswer(Instance, body);
      return {
        state,
        ...(reason && { reason }),
        ...(exitCode !== undefined && { exitCode }),
        ...(logTail !== undefined && { logTail }),
      };
    },

    async shift(key, share) {
      const { status, body } = await gateway.call('POST', '/traffic', { body: { key, share } });
      // A gateway that was started anew has forgotten its candidates: starting it again under its key helps.
      if (status === 404) {
        throw new GatewayError(`The API gateway has no instance ${key}; it was restarted, or it was stopped.`, {
          status,
          retryable: false,
        });
      }
      return { previous: readAnswer(TrafficShifted, body).previous };
    },

    async traffic() {
      const { upstreams } = await list();
      return upstreams.map(({ key, traffic }) => ({ key, ...traffic }));
    },

    async idle() {
      const { upstreams } = await list();
      return upstreams.filter(({ kind, active }) => kind === 'process' && !active).map(({ key }) => key);
    },

    async stop(key, options) {
      // Not only an instance: what served before may be a container that the gateway knows of.
      await gateway.call('DELETE', `/upstreams/${encodeURIComponent(key)}?${stopQuery(options)}`, {
        timeoutMs: options.drainMs + STOP_MARGIN_MS,
      });
    },

    close: () => gateway.close(),
  };
}

/** The gateway names its processes by loopback; from another host they are reached by the name of the gateway's. */
function seenFromHere(url: string, adminUrl: string): string {
  const seen = new URL(url);
  seen.hostname = new URL(adminUrl).hostname;
  return seen.origin;
}
