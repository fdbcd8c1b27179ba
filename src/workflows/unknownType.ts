import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { failure } from '../contracts/errors.ts';
import { truncate } from '../contracts/text.ts';
import { WORKFLOWS } from '../contracts/workflows.ts';
import { fitted, plain } from '../words/markdown.ts';

/**
 * Stands for every workflow type that there is not, such as a misspelt one: without it the workflow task would fail, and
 * be tried again forever.
 *
 * @throws ApplicationFailure of type UnknownWorkflowType that names the types that there are
 */
export async function unknownType(): Promise<never> {
  const { workflowType } = workflowInfo();
  const types = Object.entries(WORKFLOWS).map(([name, { about }]) => `- **${name}**: ${about}`);
  const missing = `There is no workflow type "${plain(truncate(workflowType, 200))}". These are:`;
  setCurrentDetails(fitted([missing, types.join('\n')]));
  throw failure(
    'UnknownWorkflowType',
    `There is no workflow type "${truncate(workflowType, 200)}". The types are ${Object.keys(WORKFLOWS).join(', ')}.`,
  );
}
