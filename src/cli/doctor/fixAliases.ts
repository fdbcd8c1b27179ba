import { lockQueue } from '../../contracts/lock.ts';
import { workflowIds } from '../../contracts/names.ts';
import type { DoctorContext } from '../../doctor/context.ts';
import { judgeAgreement } from '../../doctor/judge/agreement.ts';
import { inWords } from '../../doctor/lib/words.ts';
import type { RegistryChange } from '../../domain/registryMoves.ts';
import { applyChanges, readSnapshot } from '../../systems/mlflow/registry-changes.ts';

export type Fix =
  | { kind: 'nothing' }
  | { kind: 'refused'; reason: string }
  | { kind: 'fixed'; disagreements: string[]; changes: string[] };

const LIMIT_MS = 5_000;

/**
 * Makes stages and aliases agree, where it is clear which is meant. While a workflow changes Production nothing is
 * done: in the middle of a promotion they differ for a moment, and rightly so.
 */
export async function fixAliases(context: DoctorContext): Promise<Fix> {
  const { config, signal } = context;
  const { registeredModel } = config.registry;
  try {
    const holder = await lockHolder(context);
    if (holder) return { kind: 'refused', reason: `${holder} is changing Production. Try again when it is over.` };
    const mlflow = context.mlflow();
    const { disagreements, changes } = judgeAgreement(await readSnapshot(mlflow, registeredModel, { signal }));
    if (disagreements.length === 0) return { kind: 'nothing' };
    if (changes.length === 0) {
      const reason = `${disagreements.join('; ')}. Only a person can say which is meant: set it in MLflow, or promote one.`;
      return { kind: 'refused', reason };
    }
    await applyChanges(mlflow, registeredModel, changes, { signal });
    return { kind: 'fixed', disagreements, changes: changes.map(inSentence) };
  } catch (error) {
    return { kind: 'refused', reason: `${inWords(error)}.` };
  }
}

/** The workflow that holds the lock of the model; nobody when the lock's workflow does not run. */
async function lockHolder({ config, temporal }: DoctorContext): Promise<string | undefined> {
  const { Client, WorkflowNotFoundError } = await import('@temporalio/client');
  const connection = await temporal().catch((error: unknown) => {
    const reason = `Temporal does not answer (${inWords(error)}), so it is not known whether a workflow changes Production`;
    throw new Error(reason);
  });
  const client = new Client({ connection, namespace: config.temporal.namespace });
  const handle = client.workflow.getHandle(workflowIds.lock(config.registry.registeredModel));
  return await client.withDeadline(Date.now() + LIMIT_MS, async () => {
    try {
      const { status } = await handle.describe();
      if (status.name !== 'RUNNING') return undefined;
      return (await handle.query(lockQueue))[0]?.workflowId;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  });
}

function inSentence(change: RegistryChange): string {
  if (change.kind === 'move') {
    const others = change.archiveExisting ? '; what else was there is archived' : '';
    return `version ${change.version} to ${change.registryStage}${others}`;
  }
  return change.kind === 'setAlias' ? `${change.alias} is version ${change.version}` : `${change.alias} is removed`;
}
