import type { Config } from '../config.ts';
import { FAILURES } from '../contracts/errors.ts';
import { type Mlflow, MlflowError } from '../systems/mlflow/index.ts';
import { withMlflow } from '../systems/mlflow/withMlflow.ts';
import { CommandError, EXIT } from './exit.ts';

/** A person waits for the answer (ms). */
const LIMIT_MS = 10_000;

/**
 * Lends a client of MLflow to the body, and closes it whatever happens.
 *
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
export async function askMlflow<Result>(config: Config, body: (mlflow: Mlflow) => Promise<Result>): Promise<Result> {
  try {
    return await withMlflow(config, body, LIMIT_MS);
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error;
    throw new CommandError(EXIT.unreachable, `${error.message} ${FAILURES.MlflowUnavailable.next}`, { cause: error });
  }
}
