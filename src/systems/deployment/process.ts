import { Instance, Status, TrafficSwitched } from '../../gateway/contract.ts';
import { createAdminClient, readAnswer } from './adminClient.ts';
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
      return { key, model, version, url, logFile };
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

    async switchTo(key) {
      const { status, body } = await gateway.call('POST', '/traffic', { body: { key } });
      // A gateway that was started anew has forgotten its candidates: starting it again under its key helps.
      if (status === 404) {
        throw new GatewayError(`The API gateway has no instance ${key}; it was restarted, or it was stopped.`, {
          status,
          retryable: false,
        });
      }
      return { previous: readAnswer(TrafficSwitched, body).previous };
    },

    async stop(key, { drainMs }) {
      await gateway.call('DELETE', `${pathOf(key)}?drainMs=${Math.round(drainMs)}`, {
        timeoutMs: drainMs + STOP_MARGIN_MS,
      });
    },

    close: () => gateway.close(),
  };
}
