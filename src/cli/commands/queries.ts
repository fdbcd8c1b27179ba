import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { decimal } from '../flags.ts';
import { describeCommand } from '../help.ts';
import { configOf, modelOption } from '../model.ts';

const ABOUT =
  'Lists the queries that find workflows in the Temporal UI, with a link into it and what they find now. ' +
  'Links of --save keep the query in the browser.';
const DEFAULT_AUC = 0.65;

interface Flags {
  registeredModel?: string;
  auc: number;
  share?: number;
  save?: boolean;
}

export function addQueries(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('queries'), ABOUT, [
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
    const { registeredModel, auc, share: driftShare, save = false } = command.opts<Flags>();
    const config = configOf(cli, registeredModel);
    const [{ gatherQueries }, { queryLines }] = await Promise.all([
      import('../queries/gather.ts'),
      import('../queries/text.ts'),
    ]);
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
