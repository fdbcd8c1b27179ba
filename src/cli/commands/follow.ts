import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { describeCommand } from '../help.ts';
import { withSession } from '../session.ts';

const ABOUT = 'Shows a workflow until it ends; works on one that has ended too. Ctrl-C ends the following only.';

export function addFollow(program: Command, cli: Cli): void {
  describeCommand(program.command('follow'), ABOUT, [
    ['follow retrain-2026-01-31T02-00-00-000Z', 'its stages, trials and result'],
  ])
    .addArgument(completing(new Argument('<id>', 'id of the workflow, as "mediwatch status" lists it'), 'workflows'))
    .action(async (id: string) => {
      const [{ follow }, { describe, targetOf }] = await Promise.all([
        import('../follow/follow.ts'),
        import('../follow/target.ts'),
      ]);
      await withSession(cli, async (session) => {
        await follow(cli, session, targetOf(await describe(session, id)));
      });
    });
}
