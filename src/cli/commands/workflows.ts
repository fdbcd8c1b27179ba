import { Argument, type Command, Option } from 'commander';
import type { DecisionFlags } from '../approval.ts';
import type { Cli } from '../cli.ts';
import { completing, configOf, modelOption, type Switches, share, wholeFrom, YES_FLAG } from '../flags.ts';
import { describeCommand, type Example } from '../help.ts';
import type { LogsWanted } from '../logs/lines.ts';

interface QueriesFlags {
  registeredModel?: string;
  auc: number;
  share?: number;
  save?: boolean;
}

const idArgument = (completion: 'workflows' | 'runningWorkflows') =>
  completing(new Argument('<id>', 'id of the workflow, as "mediwatch status" lists it'), completion);

export function addStatus(program: Command, cli: Cli): void {
  describeCommand(
    program.command('status'),
    [
      'Shows what is in Production and Staging, what the API serves, and which workflows run',
      '; with an id, one workflow.',
    ],
    [
      ['status', 'where everything stands'],
      ['status retrain-2026-01-31T02-00-00-000Z', 'stages, result or failure, and links of one workflow'],
      ['status --json | jq .registry.production.version', 'the version in Production'],
    ],
  )
    .addArgument(completing(new Argument('[id]', 'id of a workflow; without it, everything'), 'workflows'))
    .action(async (id: string | undefined) => {
      if (id === undefined) await (await import('../status/overview.ts')).showOverview(cli);
      else await (await import('../status/workflow.ts')).showWorkflow(cli, id);
    });
}

export function addFollow(program: Command, cli: Cli): void {
  describeCommand(
    program.command('follow'),
    ['Shows a workflow until it ends', '; works on one that has ended too. Ctrl-C ends the following only.'],
    [['follow retrain-2026-01-31T02-00-00-000Z', 'its stages, trials and result']],
  )
    .addArgument(idArgument('workflows'))
    .action(async (id: string) => {
      const { followById } = await import('../follow/follow.ts');
      await followById(cli, id);
    });
}

export function addLogs(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('logs'),
    [
      'Shows what the steps of a workflow wrote',
      '; live, and from any host that reaches MLflow or the shared folder of artifacts.store. The logs of a retrain hold ' +
        'those of its stages, in order of their start.',
    ],
    [
      ['logs retrain-2026-01-31T02-00-00-000Z', 'all of its steps'],
      ['logs retrain-2026-01-31T02-00-00-000Z --step trial-7', 'one of them'],
      ['logs retrain-2026-01-31T02-00-00-000Z --follow --tail 20', 'the last lines, and what comes until it ends'],
      ['logs retrain-2026-01-31T02-00-00-000Z --list', 'which logs there are, on which host and where'],
    ],
  )
    .addArgument(idArgument('workflows'))
    .option('-s, --step <name>', 'this step: train, trial-7, the beginning of a name, or the type of a workflow')
    .option('--attempt <n>', 'this attempt of each step', wholeFrom(1))
    .option('--tail <n>', 'the last lines only', wholeFrom(0))
    .option('-f, --follow', 'stay until the workflow ends, and show what is written meanwhile')
    .addOption(new Option('-l, --list', 'show which logs there are, and not what they say').conflicts('follow'));
  command.action(async (workflowId: string) => {
    const { showLogs } = await import('../logs/show.ts');
    await showLogs(cli, { follow: false, list: false, ...command.opts<Partial<LogsWanted>>(), workflowId });
  });
}

export function addCancel(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('cancel'),
    [
      'Asks a workflow to stop',
      '. It cleans up first: running steps are ended, and a promotion under way is put back.',
    ],
    [
      ['cancel retrain-2026-01-31T02-00-00-000Z --follow', 'and stay until its clean-up is finished'],
      ['cancel retrain-2026-01-31T02-00-00-000Z --dry-run', 'which workflows would be stopped'],
    ],
  )
    .addArgument(idArgument('runningWorkflows'))
    .option('-f, --follow', 'stay until the clean-up is finished, and say how it ended')
    .addOption(new Option('-w, --wait', 'the same as --follow').hideHelp())
    .option('--dry-run', 'only say what would be stopped, and stop nothing');
  command.action(async (id: string) => {
    const { follow = false, wait = false, dryRun = false } = command.opts<Switches<'follow' | 'wait' | 'dryRun'>>();
    const { cancel } = await import('../follow/cancel.ts');
    await cancel(cli, id, { stays: follow || wait, dryRun });
  });
}

export function addQueries(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('queries'),
    [
      'Lists the queries that find workflows in the Temporal UI, with a link into it and what they find now',
      '. Links of --save keep the query in the browser.',
    ],
    [
      ['queries', 'what runs, waits, has failed, was promoted, and more'],
      ['queries --auc 0.68', 'where retrains below that test AUC are looked for'],
      ['queries --save', 'links that save'],
      [
        `queries --json | jq -r '.queries[] | select(.id == "approval").count'`,
        'how many promotions wait for a person, for a monitor',
      ],
    ],
  )
    .option('--auc <x>', 'bound of the test AUC', share, 0.65)
    .option('--share <x>', 'bound of the share of drifted features; default: monitoring.driftShare', share)
    .option('--save', 'links that keep the query under Saved Views of the browser')
    .addOption(modelOption());
  command.action(async () => {
    const { registeredModel, auc, share, save = false } = command.opts<QueriesFlags>();
    const config = configOf(cli, registeredModel);
    const { showQueries } = await import('../queries.ts');
    await showQueries(cli, config, { testAuc: auc, driftShare: share ?? config.monitoring.driftShare, save });
  });
}

interface Decision {
  decision: 'approve' | 'reject';
  about: [summary: string, more: string];
  examples: readonly Example[];
}

const DECISIONS: readonly Decision[] = [
  {
    decision: 'approve',
    about: ['Approves a promotion that waits for a decision', '. What it rests on is shown first.'],
    examples: [
      ['approve promote-2026-01-31T02-00-00-000Z', 'shows the evidence and asks'],
      ['approve promote-2026-01-31T02-00-00-000Z --follow', 'and stays until the version serves'],
      ['approve retrain-2026-01-31T02-00-00-000Z --yes --reason "agreed in the board"', 'the promotion of a retrain'],
    ],
  },
  {
    decision: 'reject',
    about: [
      'Rejects a promotion that waits for a decision',
      '. What it rests on is shown first, and Production stays as it is.',
    ],
    examples: [
      ['reject promote-2026-01-31T02-00-00-000Z --reason "worse for children"', 'shows the evidence and asks'],
    ],
  },
];

/** The two decisions about a promotion; a rejection needs a reason. */
export function addDecisions(program: Command, cli: Cli): void {
  const aboutId = 'id of the promotion, or of the retrain that it belongs to, as "mediwatch status" lists it';
  for (const { decision, about, examples } of DECISIONS) {
    const command = describeCommand(program.command(decision), about, examples)
      .addArgument(completing(new Argument('<id>', aboutId), 'promotions'))
      .addOption(new Option('--reason <text>', 'why, kept with the version').makeOptionMandatory(decision === 'reject'))
      .option('--by <name>', 'who decides; default: the user of this machine')
      .option('--key <file>', 'sign with the private key in this file, for approvers that have one')
      .option(...YES_FLAG)
      .option('--dry-run', 'only say what would be decided, and decide nothing');
    if (decision === 'approve') command.option('-f, --follow', 'stay until what was approved has ended, and say how');
    command.action(async (id: string) => {
      const { decide } = await import('../approval.ts');
      await decide(cli, { ...command.opts<DecisionFlags>(), id, decision });
    });
  }
}
