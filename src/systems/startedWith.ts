import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';

/** The input that a workflow run was started with, by whomever; `{}` where it has none that can be read as an object. */
export async function startedWith(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId: string },
): Promise<Record<string, unknown>> {
  const { namespace, loadedDataConverter } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  let payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  for (const codec of loadedDataConverter.payloadCodecs) payloads = await codec.decode(payloads);
  const [payload] = payloads;
  try {
    const input: unknown = payload && defaultPayloadConverter.fromPayload(payload);
    return typeof input === 'object' && input !== null ? { ...input } : {};
  } catch {
    return {};
  }
}
