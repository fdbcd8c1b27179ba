import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { describeCommand } from '../help.ts';
import { withSession } from '../session.ts';

const ABOUT =
  'Shows what is in Production and Staging, what the API serves, and which workflows run; with an id, one workflow.';

export function addStatus(program: Command, cli: Cli): void {
  describeCommand(program.command('status'), ABOUT, [
    ['status', 'where everything stands'],
    ['status retrain-2026-01-31T02-00-00-000Z', 'stages, result or failure, and links of one workflow'],
    ['status --json | jq .registry.production.version', 'the version in Production'],
  ])
    .addArgument(completing(new Argument('[id]', 'id of a workflow; without it, everything'), 'workflows'))
    .action(async (id: string | undefined) => {
      await (id === undefined ? showOverview(cli) : showOne(cli, id));
    });
}

async function showOverview(cli: Cli): Promise<void> {
  const [{ gatherOverview }, { overviewLines }] = await Promise.all([
    import('../status/overview.ts'),
    import('../status/overviewText.ts'),
  ]);
  const overview = await gatherOverview(cli);
  if (cli.json) cli.emit(overview);
  else for (const line of overviewLines(overview, cli.style, new Date())) cli.say(line);
}

async function showOne(cli: Cli, id: string): Promise<void> {
  const { oneLines, oneState } = await import('../status/one.ts');
  const state = await withSession(cli, (session) => oneState(session, id));
  if (cli.json) cli.emit(state);
  else for (const line of oneLines(state, cli, Date.now())) cli.say(line);
}
