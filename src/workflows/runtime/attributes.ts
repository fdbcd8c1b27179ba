import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { truncate } from '../../contracts/errors.ts';
import { SEARCH_ATTRIBUTES } from '../../contracts/searchAttributes.ts';

/** What a workflow can be found by in the UI. */
export type Attributes = { [Key in keyof typeof SEARCH_ATTRIBUTES]?: string | number | null | undefined };

/** @param values null unsets one; undefined leaves it as it is */
export function upsertAttributes(values: Attributes): void {
  const known = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ key: SEARCH_ATTRIBUTES[name as keyof typeof SEARCH_ATTRIBUTES], value } as never],
  );
  // Temporal refuses an upsert of nothing, and the workflow task would be tried for ever.
  if (known.length > 0) upsertSearchAttributes(known);
}

/**
 * Values that unset what the workflow was started with: the UI's form takes over the attributes of an earlier
 * workflow, and a new one would be found as in Production before it has a version.
 */
export function unsetInherited(): Attributes {
  const { typedSearchAttributes: given } = workflowInfo();
  const names = Object.keys(SEARCH_ATTRIBUTES) as (keyof typeof SEARCH_ATTRIBUTES)[];
  return Object.fromEntries(
    names.filter((name) => given.get(SEARCH_ATTRIBUTES[name] as never) !== undefined).map((name) => [name, null]),
  );
}

/** What started the workflow, as far as it can be seen from within. */
export function triggerOf(): string {
  const { parent, searchAttributes } = workflowInfo();
  if (parent) return parent.workflowId;
  return 'TemporalScheduledById' in searchAttributes ? 'schedule' : 'manual';
}

/** Who or what asked for a change, for the history of Production: the trigger that was named, or the workflow itself. */
export const actorOf = (trigger: string): string =>
  trigger === triggerOf() ? workflowInfo().workflowId : truncate(trigger, 200);

/** Whether a steward started the workflow. */
export const startedBySteward = (): boolean => workflowInfo().memo?.alerts !== undefined;
