import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { CommandError, EXIT } from '../exit.ts';
import { describeCommand } from '../help.ts';
import { configOf, modelOption } from '../model.ts';
import { widthOf } from '../views/width.ts';

const ABOUT =
  'Puts two versions side by side: scores, parameters, data, code, and where they are now. ' +
  'Each is named by its number, an alias or stage, or the id of the retrain that made it.';

export function addCompare(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('compare'), ABOUT, [
    ['compare', 'the challenger against the champion; after a promotion, the champion against what it replaced'],
    ['compare 5 3', 'version 5 against version 3'],
    ['compare champion previous', 'what serves against what served before'],
    ['compare newest production --json | jq .metrics', 'scores with their differences, for a script'],
  ])
    .addArgument(
      completing(new Argument('[a]', 'version; default: challenger, or champion where there is none'), 'versions'),
    )
    .addArgument(
      completing(new Argument('[b]', 'version that it is compared with; default: champion, or previous'), 'versions'),
    )
    .addOption(modelOption());
  command.action(async (...references: unknown[]) => {
    const named = references.slice(0, 2).filter((name) => typeof name === 'string');
    if (named.includes('')) throw new CommandError(EXIT.usage, 'A version has a name or a number.');
    const { registeredModel } = command.opts<{ registeredModel?: string }>();
    const [{ gatherComparison }, { comparisonLines }] = await Promise.all([
      import('../compare/gather.ts'),
      import('../compare/text.ts'),
    ]);
    const compared = await gatherComparison(configOf(cli, registeredModel), named);
    cli.emit(compared);
    if (cli.json) return;
    for (const line of comparisonLines(compared, { width: widthOf(cli.prose), style: cli.style })) cli.say(line);
  });
}
