import type { Connection } from '@temporalio/client';
import type { Config } from '../../config.ts';
import type { Check } from '../check.ts';
import { type Finding, ok, problem } from '../finding.ts';
import { inWords } from '../lib/words.ts';

const LIMIT_MS = 5_000;
/** gRPC's status of what does not exist. */
const NOT_FOUND = 5;

/** Temporal answers, and has the namespace. */
export const temporalCheck: Check = {
  name: 'Temporal',
  async run({ config, temporal }) {
    const { address } = config.temporal;
    try {
      const connection = await temporal();
      return await connection.withDeadline(Date.now() + LIMIT_MS, () => examine(connection, config));
    } catch (error) {
      const mend = 'npm start, or name yours in temporal.address of mediwatch.yaml or in TEMPORAL_ADDRESS';
      return [problem(`it does not answer at ${address} (${inWords(error)})`, mend)];
    }
  },
};

async function examine(connection: Connection, { temporal }: Config): Promise<Finding[]> {
  const { address, namespace } = temporal;
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  const server = `server ${serverVersion || 'of unknown version'} at ${address}`;
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return [ok(`${server}, namespace "${namespace}"`)];
  } catch (error) {
    if ((error as { code?: number }).code !== NOT_FOUND) throw error;
    const create = `temporal operator namespace create --namespace ${namespace} --address ${address}`;
    return [problem(`${server} has no namespace "${namespace}"`, `${create}, or correct temporal.namespace`)];
  }
}
