import type { Client } from '@temporalio/client';
import type { Config } from '../config.ts';
import type { Cli } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';

/** A command's connection to Temporal. */
export interface Session {
  client: Client;
  config: Config;
}

/** Longest time that a first contact may take: a person is waiting (ms). */
const CONNECT_LIMIT_MS = 3_000;
/** Longest pause between attempts to reach a server that went away (ms). */
const RECONNECT_LIMIT_MS = 2_000;

/**
 * Connects to Temporal, lends the connection to the body, and closes it whatever happens. Ctrl-C ends every call.
 *
 * @throws {CommandError} when nothing answers at `temporal.address`, or when the reader interrupts
 */
export async function withSession<Result>(
  cli: Cli,
  body: (session: Session) => Promise<Result>,
  { connectLimitMs = CONNECT_LIMIT_MS }: { connectLimitMs?: number } = {},
): Promise<Result> {
  const config = cli.config();
  const { Client, Connection } = await import('@temporalio/client');
  const { address, namespace, apiKey, tls } = config.temporal;
  const options = {
    address,
    connectTimeout: connectLimitMs,
    tls: tls || apiKey !== '',
    // The client's own retries hide for 20 s that the server is away, and outlive the connection.
    interceptors: [],
    channelArgs: { 'grpc.max_reconnect_backoff_ms': RECONNECT_LIMIT_MS },
  };
  const connection = await Connection.connect(apiKey ? { ...options, apiKey } : options).catch((error: unknown) => {
    throw unreachable(config, error);
  });
  const client = new Client({ connection, namespace });
  const { interrupted } = cli.io;
  try {
    return await client.withAbortSignal(interrupted, () => body({ client, config }));
  } catch (error) {
    if (interrupted.aborted) throw new CommandError(EXIT.interrupted, INTERRUPTED, { cause: error });
    throw await inWords(config, error);
  } finally {
    await connection.close();
  }
}

const INTERRUPTED = 'Interrupted. What had been asked of Temporal goes on; "mediwatch status" shows it.';

function unreachable({ temporal }: Config, cause: unknown): CommandError {
  const detail = deepest(cause);
  return new CommandError(
    EXIT.unreachable,
    `Temporal does not answer at ${temporal.address}${detail ? ` (${detail})` : ''}. ` +
      'Start one with "npm start", or name yours in temporal.address of mediwatch.yaml or in TEMPORAL_ADDRESS.',
    { cause },
  );
}

/** Puts what Temporal itself refuses, or cannot do, into words; other errors pass. */
async function inWords(config: Config, error: unknown): Promise<unknown> {
  const { isGrpcDeadlineError, isGrpcServiceError, NamespaceNotFoundError, ServiceError } = await import(
    '@temporalio/client'
  );
  const { temporal } = config;
  if (error instanceof NamespaceNotFoundError) {
    const message =
      `Temporal at ${temporal.address} has no namespace "${temporal.namespace}". ` +
      'Create it, or correct temporal.namespace in mediwatch.yaml or TEMPORAL_NAMESPACE.';
    return new CommandError(EXIT.usage, message, { cause: error });
  }
  const cause = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT) {
    return new CommandError(EXIT.usage, `Temporal refused it: ${deepest(cause)}.`, { cause: error });
  }
  return isGrpcServiceError(cause) || isGrpcDeadlineError(error) ? unreachable(config, error) : error;
}

/** gRPC's status of a call that can never be right. */
const INVALID_ARGUMENT = 3;

/** The last cause's message, without the prefix that gRPC puts before it. */
function deepest(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return cause instanceof Error ? cause.message.replace(/^\d+ [A-Z_]+: /, '').replace(/\.$/, '') : '';
}
