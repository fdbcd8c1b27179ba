import { workflowInfo } from '@temporalio/workflow';
import type { ProductionEntry, RegistrySnapshot } from '../../contracts/registry.ts';
import { registry } from './activities.ts';

/** The version that a snapshot of the registry has in Production. */
export function inProduction(snapshot: RegistrySnapshot): string | null {
  return snapshot.versions.find(({ stage }) => stage === 'Production')?.version ?? null;
}

/** A change of Production as the workflow knows it; when and by which workflow is added. */
export type Change = Omit<ProductionEntry, 'at' | 'by'> & { registeredModel: string };

/** Writes a change into the history of Production, which is kept on the version that came in. */
export async function recordChange({ registeredModel, ...change }: Change): Promise<void> {
  const entry: ProductionEntry = { ...change, at: new Date().toISOString(), by: workflowInfo().workflowId };
  await registry.recordProduction({ registeredModel, entry });
}
