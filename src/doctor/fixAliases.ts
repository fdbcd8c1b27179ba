import { causeText } from '../contracts/errors.ts';
import { lockQueue } from '../contracts/lock.ts';
import { workflowIds } from '../contracts/names.ts';
import { applyChanges, readSnapshot } from '../systems/mlflow/registryChanges.ts';
import { clientOptions } from '../systems/temporal.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { DoctorContext } from './context.ts';
import { judgeAgreement } from './registry.ts';

const LIMIT_MS = 5_000;

/**
 * Makes stages and aliases agree, where it is clear which version is meant. It does nothing while a workflow changes
 * Production: in the middle of a promotion they differ for a moment, and rightly so.
 */
export async function fixAliases(context: DoctorContext): Promise<Finding> {
  const { config, signal } = context;
  const { registeredModel } = config.registry;
  try {
    const holder = await lockHolder(context);
    if (holder instanceof Error) {
      return finding('aliasesNotFixed', { without: 'temporal', reason: causeText(holder) });
    }
    if (holder) return finding('aliasesLocked', { holder });
    const mlflow = context.mlflow();
    const { disagreements, changes } = judgeAgreement(await readSnapshot(mlflow, registeredModel, { signal }));
    if (disagreements.length === 0) return finding('aliasesAgreedAlready', {});
    if (changes.length === 0) return finding('aliasesUndecided', {});
    await applyChanges(mlflow, registeredModel, changes, { signal });
    return finding('aliasesFixed', { changes });
  } catch (error) {
    return finding('aliasesNotFixed', { without: 'mlflow', reason: causeText(error) });
  }
}

/** The workflow that holds the lock of the model; undefined when none does; an error when Temporal does not answer. */
async function lockHolder({ config, temporal }: DoctorContext): Promise<string | Error | undefined> {
  const { Client, WorkflowNotFoundError } = await import('@temporalio/client');
  try {
    const client = new Client({ connection: await temporal(), ...clientOptions(config) });
    const handle = client.workflow.getHandle(workflowIds.lock(config.registry.registeredModel));
    return await client.withDeadline(Date.now() + LIMIT_MS, async () => {
      const { status } = await handle.describe();
      return status.name === 'RUNNING' ? (await handle.query(lockQueue))[0]?.workflowId : undefined;
    });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    return error instanceof Error ? error : new Error(String(error));
  }
}
