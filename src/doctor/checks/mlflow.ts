import { z } from 'zod';
import { MlflowError } from '../../systems/mlflow/index.ts';
import { mlflowOptions } from '../../systems/mlflow/options.ts';
import { createTransport } from '../../systems/mlflow/transport.ts';
import type { Check } from '../check.ts';
import type { DoctorContext } from '../context.ts';
import { type Finding, ok, problem } from '../finding.ts';
import { judgeMlflowVersion } from '../judge/mlflowVersion.ts';
import { ask, NoAnswer } from '../lib/http.ts';
import { inWords } from '../lib/words.ts';

const POINT = 'npm start, or name yours in mlflow.uri of mediwatch.yaml or in MLFLOW_TRACKING_URI';
const LIMIT_MS = 5_000;

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
      const refused = error instanceof MlflowError && error.status !== undefined;
      return [problem(error instanceof MlflowError ? error.message : inWords(error), refused ? hint(error) : POINT)];
    }
  },
};

function hint({ status }: MlflowError): string {
  if (status === 401) return 'set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN';
  if (status === 403) return 'start MLflow with --allowed-hosts and the host of mlflow.uri in it';
  return 'read the log of MLflow, and check mlflow.uri';
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
    const text = `it does not answer by stage, as the API asks for its model: ${inWords(error)}`;
    return [problem(text, 'use an MLflow that has stages (2.13 up to 3.x)')];
  } finally {
    await transport.close();
  }
}

/** MLflow's host check knows the name under which containers reach it. */
async function fromContainers({ config, signal }: DoctorContext): Promise<Finding[]> {
  const { mlflowUri } = config.docker;
  if (config.deployment.target !== 'docker' || !mlflowUri) return [];
  const url = URL.parse(mlflowUri);
  if (!url) return [problem(`docker.mlflowUri is not an address: "${mlflowUri}"`, 'correct docker.mlflowUri')];
  try {
    const { status, body } = await ask(`${config.mlflow.uri.replace(/\/+$/, '')}/version`, {
      headers: { host: url.host },
      signal,
    });
    if (status === 403 && String(body).includes('Invalid Host header')) {
      const text = `it refuses the API's containers, which call it ${url.host} (docker.mlflowUri)`;
      return [problem(text, `start MLflow with --allowed-hosts "${url.host},…"`)];
    }
    return [ok(`takes ${url.host} as its name, by which containers reach it`)];
  } catch (error) {
    if (error instanceof NoAnswer) return [];
    throw error;
  }
}
