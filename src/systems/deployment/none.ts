import { GatewayError } from './errors.ts';
import type { DeploymentTarget } from './target.ts';

/** No API is run: nothing serves, and nothing can be started. */
export function createNoTarget(): DeploymentTarget {
  const refuse = async (): Promise<never> => {
    throw new GatewayError('deployment.target is "none": there is no API to change.', { retryable: false });
  };
  return {
    serving: async () => null,
    start: refuse,
    state: async () => ({ state: 'absent' }),
    shift: refuse,
    traffic: async () => [],
    idle: async () => [],
    stop: async () => {},
    close: async () => {},
  };
}
