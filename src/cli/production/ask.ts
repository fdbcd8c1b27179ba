import type { Config } from '../../config.ts';
import type { WorkflowName } from '../../contracts/workflows.ts';
import type { Cli } from '../cli.ts';
import { asks, confirm } from '../confirm.ts';
import { outlook } from './outlook.ts';
import { type Wish, wishInWords } from './words.ts';

/** The fields of an input by which Production is moved or not. */
interface Fields {
  version?: string | undefined;
  registryStage?: string | undefined;
  approval?: boolean | undefined;
  force?: boolean | undefined;
  policy?: string | undefined;
}

/**
 * What a workflow with this input does to Production by itself; null: nothing, or nothing before a person has been
 * asked to approve it.
 */
export function wishOf(workflow: WorkflowName | string, input: Fields, config: Config): Wish | null {
  const { version, force = false } = input;
  const approved = input.approval ?? config.approval.required;
  const never = (input.policy ?? config.promotion.policy) === 'never';
  switch (workflow) {
    case 'promote':
      if ((input.registryStage ?? 'Production') !== 'Production' || approved || (never && !force)) return null;
      return { does: 'promote', version, forced: force };
    case 'retrain':
      if ((input.registryStage ?? config.promotion.registryStage) !== 'Production' || approved || never) return null;
      return { does: 'retrain' };
    case 'rollback':
    case 'redeploy':
      return { does: workflow, version };
    default:
      return null;
  }
}

/**
 * Shows on a terminal how Production stands and what it would become, and asks for a yes.
 *
 * @param yes whether the answer is yes already
 * @throws {CommandError} when the answer is no
 */
export async function confirmWish(cli: Cli, config: Config, wish: Wish | null, yes: boolean): Promise<void> {
  if (wish === null || !asks(cli, { yes })) return;
  cli.say(wishInWords(wish, await outlook(config)));
  await confirm(cli, { text: QUESTIONS[wish.does], declined: 'Nothing was started.', yes });
}

const QUESTIONS: Record<Wish['does'], string> = {
  promote: 'Promote it?',
  retrain: 'Retrain, and let the gate decide?',
  rollback: 'Roll back?',
  redeploy: 'Redeploy?',
};

/** What `--yes` says of itself. */
export const YES_FLAG = [
  '-y, --yes',
  'do not ask for confirmation, which is asked for on a terminal before Production changes',
] as const;
