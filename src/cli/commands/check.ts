import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describeCommand } from '../help.ts';

const ABOUT =
  'Checks mediwatch.yaml: tells every wrong setting with its line and what was meant, looks for the programs, files and ' +
  'servers that it names, and shows what a retrain would run. It starts nothing and changes nothing.';

export function addCheck(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('check'), ABOUT, [
    ['check', 'the exit code is 2 when something is wrong; warnings are allowed'],
    ['check --json | jq .remarks', 'for an editor or a pipeline: file, line, column, setting and message of each'],
    ['check --offline', 'without asking Temporal, MLflow and Docker, such as in a pipeline'],
  ]).option('--offline', 'ask no server');
  command.action(async () => {
    const { checkProject } = await import('../check/check.ts');
    await checkProject(cli, { offline: command.opts().offline === true });
  });
}
