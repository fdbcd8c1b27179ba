import { isGrpcServiceError } from '@temporalio/client';
import { ConfigError } from '../../config.ts';

/** gRPC's status of a call that can never be right. */
const INVALID_ARGUMENT = 3;

/**
 * Names the schedule that Temporal refuses, such as for a time zone that its host does not know.
 *
 * @throws {ConfigError} when it does
 */
export async function inWords<Value>(name: string, asked: Promise<Value>): Promise<Value> {
  try {
    return await asked;
  } catch (error) {
    // The SDK makes a TypeError of a refused specification.
    const refused = error instanceof TypeError || (isGrpcServiceError(error) && error.code === INVALID_ARGUMENT);
    if (!refused) throw error;
    const why = error.message.replace(/^3 INVALID_ARGUMENT: (Invalid schedule spec: )?/, '');
    throw new ConfigError(`Temporal refused schedules.${name} of mediwatch.yaml: ${why}.`, { cause: error });
  }
}
