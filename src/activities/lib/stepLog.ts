import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { type Config, fromRoot } from '../../config.ts';
import type { LogOrigin } from '../../systems/logs/index.ts';

/** Where the running attempt of a step keeps its log, and what it is called elsewhere. */
export interface StepLog {
  file: string;
  origin: LogOrigin;
  /** The workflow's id and the attempt, as names of folders and files. */
  names: { workflow: string; attempt: string };
}

/** @param name of the step, such as `prepare` or `trial-7` */
export function stepLog(config: Config, name: string): StepLog {
  const { workflowExecution, workflowType = 'none', activityId, attempt } = Context.current().info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: 'none', runId: '' };
  const names = { workflow: safeName(workflowId), attempt: `${safeName(name)}-${safeName(activityId)}-${attempt}` };
  return {
    file: join(fromRoot(config, config.stack.dir), 'logs', 'steps', names.workflow, `${names.attempt}.log`),
    origin: { workflowId, runId, workflow: workflowType, step: name, activityId, attempt },
    names,
  };
}

/** A workflow id as a file name: ids may hold slashes and anything else. */
function safeName(id: string): string {
  return id.replace(/[^\w.-]+/g, '_').slice(0, 120);
}
