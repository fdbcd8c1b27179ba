import proto from '@temporalio/proto';
import type { Config } from '../config.ts';
import { connectionOptions } from '../systems/temporal.ts';

/** As in Compose. */
const KEPT_SECONDS = 30 * 86_400;

/**
 * Lets the embedded Temporal keep closed workflows for a month. Its own day would forget each nightly check before the
 * next one, so that nobody could tell that one after the other is skipped.
 */
export async function keepForAMonth(config: Config): Promise<void> {
  const { Connection } = await import('@temporalio/client');
  const connection = await Connection.connect(connectionOptions(config));
  try {
    const { namespace } = config.temporal;
    const { config: kept } = await connection.workflowService.describeNamespace({ namespace });
    if (Number(kept?.workflowExecutionRetentionTtl?.seconds ?? 0) >= KEPT_SECONDS) return;
    const workflowExecutionRetentionTtl = proto.google.protobuf.Duration.fromObject({ seconds: KEPT_SECONDS });
    await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
  } finally {
    await connection.close();
  }
}
