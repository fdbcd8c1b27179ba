import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../../config.ts';
import { MODELS } from '../../contracts/training.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { describeCommand } from '../help.ts';
import { configOf, modelOption } from '../model.ts';
import { widthOf } from '../views/width.ts';

const ABOUT =
  'Shows the retrains, newest first: what started each, the version that it made, its test AUC, and what came of it. ' +
  'With --production, what was in Production when: who put which version there, why, and on which evidence.';
const DEFAULT_LIMIT = 20;

interface Flags {
  limit: number;
  registeredModel?: string;
  since?: string;
  trigger?: string;
  model?: string;
  failed?: boolean;
  production?: boolean;
  at?: string;
}

export function addHistory(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('history'), ABOUT, [
    ['history', `the last ${DEFAULT_LIMIT} retrains`],
    ['history --since 7d --trigger drift', 'those of the last seven days that drift led to'],
    ['history --failed --json | jq -r ".retrains[].verdict.reason"', 'why retrains failed'],
    ['history --production', `the last ${DEFAULT_LIMIT} changes of Production`],
    ['history --at 2026-11-24T10:00', 'the version that was in Production at that moment, here'],
    ['history --at 2026-11-24T10:00Z --json | jq -r .version', 'at that moment in UTC'],
  ])
    .option('--limit <n>', 'the most that are shown', atLeastOne, DEFAULT_LIMIT)
    .option('--since <time>', 'only what began since then, such as 90m, 12h, 7d, 2w or 2026-11-24')
    .addOption(new Option('--trigger <text>', 'only retrains with this text in their trigger').conflicts(OTHERS))
    .addOption(new Option('--model <kind>', 'only retrains of this kind of model').choices(MODELS).conflicts(OTHERS))
    .addOption(new Option('--failed', 'only retrains that failed').conflicts(OTHERS))
    .addOption(modelOption())
    .option('--production', 'what was in Production when, instead of the retrains')
    .addOption(
      new Option(
        '--at <time>',
        'what was in Production then, such as 2026-11-24T10:00; in the zone of this machine unless it names one',
      ).conflicts('since'),
    );
  command.action(async () => {
    const flags = command.opts<Flags>();
    const config = configOf(cli, flags.registeredModel);
    if (flags.at !== undefined) await showMoment(cli, config, flags.at);
    else if (flags.production) await showProduction(cli, config, flags);
    else await showRetrains(cli, config, flags);
  });
}

const OTHERS = ['production', 'at'];

async function showRetrains(cli: Cli, config: Config, { since, ...wanted }: Flags): Promise<void> {
  const [{ gatherRetrains }, { retrainLines }] = await Promise.all([
    import('../history/retrains/gather.ts'),
    import('../history/retrains/text.ts'),
  ]);
  const retrains = await gatherRetrains(cli, config, { ...wanted, since: await sinceOf(since) });
  cli.emit(retrains);
  if (cli.json) return;
  const canvas = { width: widthOf(cli.prose), style: cli.style, now: Date.now() };
  for (const line of retrainLines(retrains, canvas)) cli.say(line);
}

async function showProduction(cli: Cli, config: Config, { limit, since }: Flags): Promise<void> {
  const [{ gatherHistory }, { historyLines }] = await Promise.all([
    import('../history/production/gather.ts'),
    import('../history/production/text.ts'),
  ]);
  const history = await gatherHistory(config, { limit, since: await sinceOf(since) });
  const { registeredModel, production, entries, shown } = history;
  cli.emit({ registeredModel, production, total: entries.length, entries: shown });
  if (!cli.json) for (const line of historyLines(history, cli.style)) cli.say(line);
}

async function showMoment(cli: Cli, config: Config, at: string): Promise<void> {
  const [{ gatherHistory }, { momentOf }, { parseTime }, { momentLines }] = await Promise.all([
    import('../history/production/gather.ts'),
    import('../history/production/entries.ts'),
    import('../history/time.ts'),
    import('../history/production/text.ts'),
  ]);
  const time = parseTime(at);
  if (time === undefined) {
    throw new CommandError(EXIT.usage, `--at: "${at}" is not a time such as 2026-11-24T10:00 or 2026-11-24T10:00Z.`);
  }
  const { registeredModel, entries } = await gatherHistory(config, { limit: 0 });
  const moment = momentOf(entries, time);
  cli.emit({ registeredModel, at: new Date(time).toISOString(), ...moment });
  if (!cli.json) for (const line of momentLines(registeredModel, time, moment)) cli.say(line);
}

async function sinceOf(text: string | undefined): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const { parseSince } = await import('../history/since.ts');
  const since = parseSince(text, Date.now());
  if (since !== undefined) return since;
  throw new CommandError(EXIT.usage, `--since: "${text}" is neither a time such as 2026-11-24 nor a while such as 7d.`);
}

function atLeastOne(text: string): number {
  if (!/^0*[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1 on, such as 20.');
  return Number(text);
}
