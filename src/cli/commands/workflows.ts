import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { completing, configOf, decimal, modelOption } from '../flags.ts';
import { exitCodeOf } from '../follow/follow.ts';
import { goesOn, statusText } from '../follow/target.ts';
import { describeCommand } from '../help.ts';
import type { LogsWanted } from '../logs/show.ts';
import { type Session, withSession } from '../session.ts';

const STATUS_ABOUT =
  'Shows what is in Production and Staging, what the API serves, and which workflows run; with an id, one workflow.';

export function addStatus(program: Command, cli: Cli): void {
  describeCommand(program.command('status'), STATUS_ABOUT, [
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
    import('../status/overview.ts'),
  ]);
  const overview = await gatherOverview(cli);
  if (cli.json) cli.emit(overview);
  else for (const line of overviewLines(overview, cli.style, new Date())) cli.say(line);
}

async function showOne(cli: Cli, id: string): Promise<void> {
  const { oneLines, oneState } = await import('../status/workflow.ts');
  const state = await withSession(cli, (session) => oneState(session, id));
  if (cli.json) cli.emit(state);
  else for (const line of oneLines(state, cli, Date.now())) cli.say(line);
}

const FOLLOW_ABOUT = 'Shows a workflow until it ends; works on one that has ended too. Ctrl-C ends the following only.';

export function addFollow(program: Command, cli: Cli): void {
  describeCommand(program.command('follow'), FOLLOW_ABOUT, [
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

const LOGS_ABOUT =
  'Shows what the steps of a workflow wrote; live, and from any host that reaches MLflow or the shared folder of ' +
  'artifacts.store. The logs of a retrain hold those of its stages, in order of their start.';

export function addLogs(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('logs'), LOGS_ABOUT, [
    ['logs retrain-2026-01-31T02-00-00-000Z', 'all of its steps'],
    ['logs retrain-2026-01-31T02-00-00-000Z --step trial-7', 'one of them'],
    ['logs retrain-2026-01-31T02-00-00-000Z --follow --tail 20', 'the last lines, and what comes until it ends'],
    ['logs retrain-2026-01-31T02-00-00-000Z --list', 'which logs there are, on which host and where'],
  ])
    .addArgument(completing(new Argument('<id>', 'id of the workflow, as "mediwatch status" lists it'), 'workflows'))
    .option('-s, --step <name>', 'this step: train, trial-7, the beginning of a name, or the type of a workflow')
    .option('--attempt <n>', 'this attempt of each step', counted(1))
    .option('--tail <n>', 'the last lines only', counted(0))
    .option('-f, --follow', 'stay until the workflow ends, and show what is written meanwhile')
    .addOption(new Option('-l, --list', 'show which logs there are, and not what they say').conflicts('follow'));
  command.action(async (workflowId: string) => {
    const { showLogs } = await import('../logs/show.ts');
    const { follow = false, list = false, ...which } = command.opts<Partial<LogsWanted>>();
    await showLogs(cli, { ...which, workflowId, follow, list });
  });
}

function counted(least: number) {
  return (text: string): number => {
    if (!/^\d+$/.test(text) || Number(text) < least) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} on, such as 20.`);
    }
    return Number(text);
  };
}

const CANCEL_ABOUT =
  'Asks a workflow to stop. It cleans up first: running steps are ended, and a promotion under way is put back.';

interface CancelFlags {
  follow?: boolean;
  wait?: boolean;
  dryRun?: boolean;
}

export function addCancel(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('cancel'), CANCEL_ABOUT, [
    ['cancel retrain-2026-01-31T02-00-00-000Z --follow', 'and stay until its clean-up is finished'],
    ['cancel retrain-2026-01-31T02-00-00-000Z --dry-run', 'which workflows would be stopped'],
  ])
    .addArgument(
      completing(new Argument('<id>', 'id of the workflow, as "mediwatch status" lists it'), 'runningWorkflows'),
    )
    .option('-f, --follow', 'stay until the clean-up is finished, and tell how it ended')
    .addOption(new Option('-w, --wait', 'the same as --follow').hideHelp())
    .option('--dry-run', 'only tell what would be stopped, and stop nothing');
  command.action(async (id: string) => {
    await withSession(cli, (session) => cancel(cli, session, id, command.opts<CancelFlags>()));
  });
}

async function cancel(cli: Cli, session: Session, workflowId: string, flags: CancelFlags): Promise<void> {
  const { describe, targetOf } = await import('../follow/target.ts');
  const description = await describe(session, workflowId);
  if (!goesOn(description)) {
    const state = statusText(description);
    cli.say(`Nothing to cancel: ${workflowId} has ended already (${state}).`);
    cli.emit({ event: 'result', state, exitCode: EXIT.done, workflowId });
    return;
  }
  if (flags.dryRun) {
    const { runningUnder } = await import('../follow/cancel.ts');
    const children = await runningUnder(session, description);
    cli.emit({ event: 'cancelRequested', dryRun: true, workflowId, workflow: description.type, children });
    cli.say(`Dry run, nothing was stopped. ${workflowId} (${description.type}) would be asked to stop,`);
    cli.say(children.length > 0 ? 'and with it these, which it has started:' : 'and runs no other workflow.');
    for (const child of children) cli.say(`  ${child.workflowId}  ${child.workflow}`);
    return;
  }
  await session.client.workflow.getHandle(workflowId).cancel();
  cli.say(`Asked ${workflowId} to stop.`);
  if (!flags.follow && !flags.wait) {
    cli.say(`"mediwatch follow ${workflowId}" shows its clean-up.`);
    cli.emit({ event: 'cancelRequested', workflowId });
    return;
  }
  const { follow } = await import('../follow/follow.ts');
  // Cancelled is what was wanted here; one that completed before it could be cancelled has its usual code.
  await follow(cli, session, targetOf(description), (ending) =>
    ending.state === 'cancelled' ? EXIT.done : exitCodeOf(ending),
  );
}

const QUERIES_ABOUT =
  'Lists the queries that find workflows in the Temporal UI, with a link into it and what they find now. ' +
  'Links of --save keep the query in the browser.';
const DEFAULT_AUC = 0.65;

interface QueriesFlags {
  registeredModel?: string;
  auc: number;
  share?: number;
  save?: boolean;
}

export function addQueries(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('queries'), QUERIES_ABOUT, [
    ['queries', 'what runs, waits, has failed, was promoted, and more'],
    ['queries --auc 0.68', 'where retrains below that test AUC are looked for'],
    ['queries --save', 'links that save'],
    [
      `queries --json | jq -r '.queries[] | select(.id == "approval").count'`,
      'how many promotions wait for a person, for a monitor',
    ],
  ])
    .option('--auc <x>', 'bound of the test AUC', share, DEFAULT_AUC)
    .option('--share <x>', 'bound of the share of drifted features; default: monitoring.driftShare', share)
    .option('--save', 'links that keep the query under Saved Views of the browser')
    .addOption(modelOption());
  command.action(async () => {
    const { registeredModel, auc, share: driftShare, save = false } = command.opts<QueriesFlags>();
    const config = configOf(cli, registeredModel);
    const [{ gatherQueries }, { queryLines }] = await Promise.all([import('../queries.ts'), import('../queries.ts')]);
    const values = { testAuc: auc, driftShare: driftShare ?? config.monitoring.driftShare };
    const queries = await gatherQueries(cli, config, values);
    cli.emit(queries);
    if (!cli.json) for (const line of queryLines(queries, { saving: save, style: cli.style })) cli.say(line);
  });
}

function share(text: string): number {
  const value = decimal(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError('Expected a number from 0 to 1, such as 0.65.');
  return value;
}
