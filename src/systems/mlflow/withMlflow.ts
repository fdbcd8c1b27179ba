import type { Config } from '../../config.ts';
import { createMlflow, type Mlflow } from './index.ts';
import { mlflowOptions } from './options.ts';

/**
 * Lends a client of the configuration's MLflow server to the body, and closes it whatever happens.
 *
 * @param limitMs longest time for a call even if the configuration gives more (ms)
 */
export async function withMlflow<Result>(
  config: Config,
  body: (mlflow: Mlflow) => Promise<Result>,
  limitMs?: number,
): Promise<Result> {
  const mlflow = createMlflow(mlflowOptions(config, limitMs));
  try {
    return await body(mlflow);
  } finally {
    await mlflow.close();
  }
}
