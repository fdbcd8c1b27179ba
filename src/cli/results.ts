import { type ResultOf, WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { resultSentences } from '../words/results.ts';

/** What came of a workflow, a sentence a line; its plain JSON when it is not one of ours. */
export function resultLines(workflow: string, result: unknown): string[] {
  const name = Object.keys(WORKFLOWS).find((known): known is WorkflowName => known === workflow);
  const parsed = name && WORKFLOWS[name].result.safeParse(result);
  if (parsed?.success) return resultSentences(name as WorkflowName, parsed.data as ResultOf<WorkflowName>);
  return result === undefined || result === null ? [] : [`Result: ${JSON.stringify(result)}`];
}
