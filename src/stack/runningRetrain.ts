import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import type { Config } from '../config.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/searchAttributes.ts';
import { startedWith } from '../systems/startedWith.ts';
import { connectionOptions } from '../systems/temporal.ts';

/**
 * Id of a retrain of the registered model that is under way, such as one that a killed stack left unfinished; undefined
 * when there is none.
 */
export async function runningRetrain(config: Config): Promise<string | undefined> {
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect(connectionOptions(config));
  try {
    const query = "WorkflowType = 'retrain' AND ExecutionStatus = 'Running'";
    const client = new Client({ connection, namespace: config.temporal.namespace });
    for await (const retrain of client.workflow.list({ query })) {
      if ((await modelOf(client, retrain, config)) === config.registry.registeredModel) return retrain.workflowId;
    }
    return undefined;
  } finally {
    await connection.close();
  }
}

/** One that has not begun, or runs where Temporal does not know our attributes, tells its model by its input alone. */
async function modelOf(client: Client, retrain: WorkflowExecutionInfo, { registry }: Config): Promise<unknown> {
  const told = retrain.typedSearchAttributes.get(SEARCH_ATTRIBUTES.model);
  if (told !== undefined) return told;
  const { registeredModel = registry.registeredModel } = await startedWith(client, retrain);
  return registeredModel;
}
