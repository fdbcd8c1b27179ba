import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { z } from 'zod';
import { BUNDLED_PYTHON, PYTHON_ROOT } from '../config.ts';
import { FAILURES, type FailureType } from '../contracts/errors.ts';
import { parseJson } from '../contracts/text.ts';
import { mlflowVariables } from '../systems/mlflow/variables.ts';
import { ownEnvironment } from '../systems/processes/environment.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { DoctorContext } from './context.ts';
import { type Check, need } from './run.ts';

/** A person waits (ms). */
const LIMIT_MS = 14_000;
/** What every child has: without more of it, none can get through in another way than we do. */
const PLAIN = ['MLFLOW_TRACKING_URI', 'MLFLOW_HTTP_REQUEST_TIMEOUT'];

const Failure = z.object({ type: z.enum(Object.keys(FAILURES) as FailureType[]), message: z.string() }).nullable();
const Answer = z.object({ steps: Failure, api: Failure });

/** The clients of steps and of the bundled API get through as ours does, with the same login, certificates and proxy. */
export const mlflowClientsCheck: Check = { name: 'MLflow clients', run: lookAtClients };

async function lookAtClients({ config, signal, mlflow }: DoctorContext): Promise<Finding[]> {
  await need(
    Promise.resolve().then(async () => await mlflow().health({ signal })),
    'mlflow',
  );
  const variables = mlflowVariables(config);
  const python = config.worker.python || BUNDLED_PYTHON;
  if (Object.keys(variables).every((name) => PLAIN.includes(name)) || !existsSync(python)) return [];
  const patience = { MLFLOW_HTTP_REQUEST_TIMEOUT: '5', MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0' };
  const { stdout } = await execa(python, ['-m', 'mediwatch_training.reach'], {
    ...ownEnvironment(['network', 'computing'], { ...variables, ...patience, PYTHONPATH: PYTHON_ROOT }),
    cwd: config.root,
    cancelSignal: signal,
    reject: false,
    stdin: 'ignore',
    timeout: LIMIT_MS,
  });
  const { data } = Answer.safeParse(parseJson(stdout));
  if (!data) return [finding('mlflowClientsUnknown', { python })];
  const failed = (['steps', 'api'] as const).flatMap((client) => {
    const failure = data[client];
    return failure ? [finding('mlflowRefusesClient', { client, ...failure })] : [];
  });
  return failed.length > 0 ? failed : [finding('mlflowTakesClients', {})];
}
