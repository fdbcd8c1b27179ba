import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../../config.ts';
import type { Cli } from '../cli.ts';
import { describeCommand } from '../help.ts';
import { configOf, MODEL_FLAG } from '../model.ts';

const ABOUT =
  'Shows what was in Production when: who or what put which version there, why, on which evidence, and what it replaced.';
const DEFAULT_LIMIT = 20;

export function addHistory(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('history'), ABOUT, [
    ['history', `the last ${DEFAULT_LIMIT} changes`],
    ['history --at 2026-11-24T10:00', 'the version that was in Production at that moment, here'],
    ['history --at 2026-11-24T10:00Z --json | jq -r .version', 'at that moment in UTC'],
  ])
    .option('--at <time>', 'a moment, such as 2026-11-24T10:00; in the zone of this machine unless it names one')
    .option(...MODEL_FLAG)
    .option('--limit <n>', 'the most changes that are shown', atLeastOne, DEFAULT_LIMIT);
  command.action(async () => {
    const { at, limit, registeredModel } = command.opts<{ at?: string; limit: number; registeredModel?: string }>();
    const config = configOf(cli, registeredModel);
    await (at === undefined ? showHistory(cli, config, limit) : showMoment(cli, config, at));
  });
}

async function showHistory(cli: Cli, config: Config, limit: number): Promise<void> {
  const [{ gatherHistory }, { historyLines }] = await Promise.all([
    import('../history/gather.ts'),
    import('../history/text.ts'),
  ]);
  const history = await gatherHistory(config, limit);
  const { registeredModel, production, entries, shown } = history;
  cli.emit({ registeredModel, production, total: entries.length, entries: shown });
  if (!cli.json) for (const line of historyLines(history, cli.style)) cli.say(line);
}

async function showMoment(cli: Cli, config: Config, at: string): Promise<void> {
  const [{ gatherHistory }, { momentOf }, { parseTime }, { momentLines }, { CommandError, EXIT }] = await Promise.all([
    import('../history/gather.ts'),
    import('../history/entries.ts'),
    import('../history/time.ts'),
    import('../history/text.ts'),
    import('../exit.ts'),
  ]);
  const time = parseTime(at);
  if (time === undefined) {
    throw new CommandError(EXIT.usage, `--at: "${at}" is not a time such as 2026-11-24T10:00 or 2026-11-24T10:00Z.`);
  }
  const { registeredModel, entries } = await gatherHistory(config, 0);
  const moment = momentOf(entries, time);
  cli.emit({ registeredModel, at: new Date(time).toISOString(), ...moment });
  if (!cli.json) for (const line of momentLines(registeredModel, time, moment)) cli.say(line);
}

function atLeastOne(text: string): number {
  if (!/^0*[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1 on, such as 20.');
  return Number(text);
}
