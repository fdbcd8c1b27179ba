import { isGrpcServiceError } from '@temporalio/client';
import { toClientOptions } from '@temporalio/envconfig';
import type { NativeConnection } from '@temporalio/worker';
import { isLoopback } from '../config/network.ts';
import { type Config, ConfigError } from '../config.ts';
import { causeText } from '../contracts/errors.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/savedQueries.ts';
import { dataConverterOf } from './encryption.ts';
import { handshakeProblem } from './handshake.ts';

/** Numbers of the types in Temporal's API (temporal/api/enums/v1/common.proto, IndexedValueType). */
const INDEXED_VALUE_TYPE = { KEYWORD: 2, DOUBLE: 4 } as const;

/**
 * Connection options of clients and workers alike.
 *
 * @throws {ConfigError} when a certificate cannot be read, or lacks its key
 */
export function connectionOptions({ temporal: { address, apiKey, tls }, profile }: Config) {
  if (!profile.tls?.clientCert !== !profile.tls?.clientKey)
    throw unusable('a client certificate and its key go together');
  try {
    const { connectionOptions } = toClientOptions({ ...profile, ...(apiKey && { apiKey }) });
    const { metadata, tls: fromProfile } = connectionOptions;
    const secured = fromProfile || tls;
    // gRPC's client would take a proxy of the environment for loopback, too.
    const channelArgs = isLoopback(address.replace(/:\d+$/, '')) ? { 'grpc.enable_http_proxy': 0 } : {};
    const more = { ...(secured && { tls: secured }), ...(apiKey && { apiKey }), ...(metadata && { metadata }) };
    return { address, channelArgs, ...more };
  } catch (error) {
    throw unusable((error as Error).message);
  }
}

/** Why Temporal does not answer. */
export async function whyAway(config: Config, error: unknown): Promise<string> {
  const { address, tls } = connectionOptions(config);
  const problem = await handshakeProblem(address, tls === true ? {} : tls).catch(() => undefined);
  return problem ?? causeText(error);
}

function unusable(why: string): ConfigError {
  const next = 'Correct TEMPORAL_TLS_* or the profile of temporal.profile.';
  return new ConfigError(`The certificates for Temporal cannot be used: ${why}. No connection was made. ${next}`);
}

/**
 * What every client and worker has besides its connection.
 *
 * @throws {ConfigError} when a key of `temporal.encryptionKeys` cannot be used
 */
export function clientOptions(config: Config) {
  return { namespace: config.temporal.namespace, dataConverter: dataConverterOf(config) };
}

/**
 * Makes the namespace know our search attributes.
 *
 * @returns false where it does not and we may not add them (Temporal Cloud: add them there once, by name and type);
 *   workflows then do without
 * @throws what the connection throws when the server does not answer
 */
export async function ensureSearchAttributes(connection: OperatorConnection, namespace: string): Promise<boolean> {
  const wanted = Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) => ({ name, type: INDEXED_VALUE_TYPE[type] }));
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = wanted.filter(({ name }) => !(name in customAttributes));
    if (missing.length > 0) {
      const searchAttributes = Object.fromEntries(missing.map(({ name, type }) => [name, type]));
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    }
    return true;
  } catch (error) {
    if (isGrpcServiceError(error) && REFUSALS.includes(error.code)) return false;
    throw error;
  }
}

type OperatorConnection = Pick<NativeConnection, 'operatorService'>;

/** gRPC's statuses of a server that does not let us: INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const REFUSALS: readonly number[] = [3, 7, 12, 16];

/** Whether the namespace has our search attributes: looked up once, and again after a look that failed. */
export function searchAttributesOf(connection: OperatorConnection, namespace: string): () => Promise<boolean> {
  let known: Promise<boolean> | undefined;
  return async () => {
    known ??= ensureSearchAttributes(connection, namespace);
    try {
      return await known;
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}
