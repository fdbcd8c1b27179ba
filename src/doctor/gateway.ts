import type { Config } from '../config.ts';
import type { Status } from '../contracts/gateway.ts';
import { gatewayAt } from '../systems/adminToken.ts';
import { createGatewayClient } from '../systems/deployment/gatewayClient.ts';

/** A person waits (ms). */
const LIMIT_MS = 5_000;

/**
 * What the gateway itself knows of what serves.
 *
 * @throws {GatewayError} when it does not answer, or refuses
 */
export async function askGateway(config: Config, signal: AbortSignal): Promise<Status> {
  const gateway = createGatewayClient(gatewayAt(config));
  try {
    return await gateway.status({ timeoutMs: LIMIT_MS, signal });
  } finally {
    await gateway.close();
  }
}
