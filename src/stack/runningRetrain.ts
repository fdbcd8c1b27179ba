import type { Config } from '../config.ts';
import { connectionOptions } from '../systems/temporal.ts';

/** Id of a retrain that is under way, such as one that a killed stack left unfinished; undefined when there is none. */
export async function runningRetrain(config: Config): Promise<string | undefined> {
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect(connectionOptions(config));
  try {
    const query = "WorkflowType = 'retrain' AND ExecutionStatus = 'Running'";
    const { workflow } = new Client({ connection, namespace: config.temporal.namespace });
    for await (const { workflowId } of workflow.list({ query })) return workflowId;
    return undefined;
  } finally {
    await connection.close();
  }
}
