import { z } from 'zod';
import { causeText } from '../contracts/errors.ts';
import { createDispatcher } from '../systems/mlflow/dispatcher.ts';
import { failureTypeOf, MlflowError } from '../systems/mlflow/errors.ts';
import { mlflowOptions } from '../systems/mlflow/options.ts';
import { createTransport } from '../systems/mlflow/transport.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { DoctorContext } from './context.ts';
import { ask, baseOf, NoAnswer } from './http.ts';
import type { Check } from './run.ts';

const LIMIT_MS = 5_000;
/** The oldest server that the tests run against. */
const OLDEST = [2, 13] as const;

/** MLflow answers, to us and to the containers of the API, and still has the stages by which the API finds its model. */
export const mlflowCheck: Check = {
  name: 'MLflow',
  async run(context) {
    const { mlflow, signal } = context;
    try {
      const client = mlflow();
      const version = await client.health({ signal });
      return [judgeMlflowVersion(version, client.uri), ...(await stages(context)), ...(await fromContainers(context))];
    } catch (error) {
      return [mlflowFault(error)];
    }
  },
};

/** What an error of MLflow's client means: nothing answered, or the server refused. */
function mlflowFault(error: unknown): Finding {
  const message = error instanceof MlflowError ? error.message : causeText(error);
  return error instanceof MlflowError && !(error.retryable && error.status === undefined)
    ? finding('mlflowRefuses', { message, type: failureTypeOf(error) })
    : finding('mlflowAway', { message });
}

/** @param version of the server, such as `3.17.2` */
export function judgeMlflowVersion(version: string, uri: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  return isOld
    ? finding('mlflowOld', { version, uri, oldest: OLDEST.join('.') })
    : finding('mlflowAnswers', { version, uri });
}

/** The call by which an API with MODEL_SOURCE=mlflow finds the version in its stage. */
async function stages({ config, signal }: DoctorContext): Promise<Finding[]> {
  const transport = createTransport({ ...mlflowOptions(config, LIMIT_MS), retries: 0 });
  try {
    const query = { name: config.registry.registeredModel, stages: 'Production' };
    const path = '/api/2.0/mlflow/registered-models/get-latest-versions';
    await transport.json({ method: 'GET', path, query, signal }, z.looseObject({}));
    return [];
  } catch (error) {
    // A model that is not registered is the finding of another check.
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return [];
    return [finding('mlflowWithoutStages', { reason: causeText(error) })];
  } finally {
    await transport.close();
  }
}

/** MLflow's host check knows the name under which containers reach it. */
async function fromContainers({ config, signal }: DoctorContext): Promise<Finding[]> {
  const { mlflowUri } = config.docker;
  if (config.deployment.target !== 'docker' || !mlflowUri) return [];
  const host = URL.parse(mlflowUri)?.host;
  if (host === undefined) return [finding('mlflowAddressInvalid', { uri: mlflowUri })];
  const { uri } = config.mlflow;
  const dispatcher = createDispatcher(uri, mlflowOptions(config), LIMIT_MS);
  try {
    const { status, body } = await ask(`${baseOf(uri)}/version`, { headers: { host }, signal, dispatcher });
    const isRefused = status === 403 && String(body).includes('Invalid Host header');
    return [finding(isRefused ? 'mlflowRefusesContainers' : 'mlflowTakesContainers', { host })];
  } catch (error) {
    if (error instanceof NoAnswer) return [];
    throw error;
  }
}
