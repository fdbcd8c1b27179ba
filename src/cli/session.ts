import type { Client } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import type { Config } from '../config.ts';
import { causeText, FAILURES } from '../contracts/errors.ts';
import type { Mlflow } from '../systems/mlflow/index.ts';
import { clientOptions, connectionOptions, whyAway } from '../systems/temporal.ts';
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
  const connection = await Connection.connect({
    ...connectionOptions(config),
    connectTimeout: connectLimitMs,
    // The client's own retries hide for 20 s that the server is away, and outlive the connection.
    interceptors: [],
    channelArgs: { 'grpc.max_reconnect_backoff_ms': RECONNECT_LIMIT_MS },
  }).catch(async (error: unknown) => {
    throw await unreachable(config, error);
  });
  const client = new Client({ connection, ...clientOptions(config) });
  const { interrupted } = cli.io;
  try {
    return await client.withAbortSignal(interrupted, () => body({ client, config }));
  } catch (error) {
    if (interrupted.aborted) throw new CommandError(EXIT.interrupted, INTERRUPTED, { cause: error });
    throw await refusalOf(config, error);
  } finally {
    await connection.close();
  }
}

const INTERRUPTED = 'Interrupted. What had been asked of Temporal goes on; "mediwatch status" shows it.';

async function unreachable(config: Config, cause: unknown): Promise<CommandError> {
  return new CommandError(
    EXIT.unreachable,
    `Temporal does not answer at ${config.temporal.address} (${await whyAway(config, cause)}). ` +
      'Start one with "npm start", or name yours in temporal.address of mediwatch.yaml or in TEMPORAL_ADDRESS.',
    { cause },
  );
}

/** gRPC's status codes of a call that can never be right, and of a server that cannot be reached. */
const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;

/** Why Temporal did not do what it was asked; errors that are not Temporal's pass. */
async function refusalOf(config: Config, error: unknown): Promise<unknown> {
  const { isGrpcDeadlineError, isGrpcServiceError, NamespaceNotFoundError } = await import('@temporalio/client');
  const { temporal } = config;
  if (error instanceof NamespaceNotFoundError) {
    const message =
      `Temporal at ${temporal.address} has no namespace "${temporal.namespace}". ` +
      'Create it, or correct temporal.namespace in mediwatch.yaml or TEMPORAL_NAMESPACE.';
    return new CommandError(EXIT.usage, message, { cause: error });
  }
  if (await isInvalid(error)) {
    return new CommandError(EXIT.usage, `Temporal refused it: ${causeText(error)}.`, { cause: error });
  }
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return isGrpcServiceError(cause) || isGrpcDeadlineError(error) ? unreachable(config, error) : error;
}

/** Whether Temporal refuses the call itself, such as a filter with a name that it does not know. */
export const isInvalid = async (error: unknown): Promise<boolean> => (await grpcCodeOf(error)) === INVALID_ARGUMENT;
/** Whether there is no Temporal to answer. */
export const isAway = async (error: unknown): Promise<boolean> => (await grpcCodeOf(error)) === UNAVAILABLE;

async function grpcCodeOf(error: unknown): Promise<number | undefined> {
  const { isGrpcServiceError, ServiceError } = await import('@temporalio/client');
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause.code : undefined;
}

/** A worker takes an update at once (ms). */
const UPDATE_LIMIT_MS = 15_000;

/** What the reader reads when an update is not taken. */
interface Refusals {
  /** The workflow itself refuses it, with this message. */
  refused(why: string): string;
  /** No such workflow runs. */
  absent: string;
  /** No worker took it within this time (s); it may yet. */
  unanswered(seconds: number): string;
}

/**
 * Sends an update to a workflow.
 *
 * @returns what the workflow answers
 * @throws {CommandError} when it is refused, nothing of that id runs, or no worker takes it in time
 */
export async function sendUpdate<Answer, Input>(
  { client }: Session,
  workflowId: string,
  update: UpdateDefinition<Answer, [Input]>,
  input: Input,
  refusals: Refusals,
): Promise<Answer> {
  const {
    isGrpcDeadlineError,
    WorkflowNotFoundError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
  } = await import('@temporalio/client');
  const failed = (message: string, cause: unknown) => new CommandError(EXIT.failed, message, { cause });
  try {
    const handle = client.workflow.getHandle(workflowId);
    return await client.withDeadline(Date.now() + UPDATE_LIMIT_MS, () =>
      handle.executeUpdate(update, { args: [input] }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      throw failed(refusals.refused(error.cause?.message ?? error.message), error);
    }
    if (error instanceof WorkflowNotFoundError) throw failed(refusals.absent, error);
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error)) {
      throw failed(refusals.unanswered(UPDATE_LIMIT_MS / 1_000), error);
    }
    throw error;
  }
}

/** A person waits for the answer (ms). */
const MLFLOW_LIMIT_MS = 10_000;

/**
 * Lends a client of MLflow to the body, and closes it whatever happens.
 *
 * @param limitMs longest time that each question may take (ms)
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
export async function askMlflow<Result>(
  config: Config,
  body: (mlflow: Mlflow) => Promise<Result>,
  limitMs = MLFLOW_LIMIT_MS,
): Promise<Result> {
  const [{ failureTypeOf, MlflowError }, { withMlflow }] = await Promise.all([
    import('../systems/mlflow/errors.ts'),
    import('../systems/mlflow/withMlflow.ts'),
  ]);
  try {
    return await withMlflow(config, body, limitMs);
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error;
    const { next } = FAILURES[failureTypeOf(error)];
    throw new CommandError(EXIT.unreachable, `${error.message} ${next}`, { cause: error });
  }
}
