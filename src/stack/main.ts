// `npm start`: starts the embedded stack, runs one retrain, and serves until Ctrl-C.
import { inspect } from 'node:util';
import { Command, InvalidArgumentError } from 'commander';
import { printable } from '../config/printable.ts';
import { ConfigError } from '../config.ts';
import { watchInterruptions } from './interruption.ts';
import { StackProblem } from './problem.ts';
import { run, type StackOptions } from './run.ts';

const HELP = `
Examples:
  npm start                          start everything, retrain, serve until Ctrl-C
  npm start -- --once --trials 4     a short retrain, then stop; exit code 0 only if the new version answers
  npm start -- --no-retrain          only start what is needed and serve

Ports and folders are settings of the section "stack" in mediwatch.yaml, such as stack.apiPort, or of the environment,
such as MEDIWATCH_STACK_API_PORT.`;

const options = parseOptions(process.argv);
// Under npm the reader's command is npm itself: when that is killed, this process must end too.
const interruption = watchInterruptions({ watchParent: process.env.npm_lifecycle_event !== undefined });

try {
  process.exit(await run(options, interruption));
} catch (error) {
  const isExpected = error instanceof StackProblem || error instanceof ConfigError;
  console.error(printable(isExpected ? `\n${error.message}` : inspect(error)));
  process.exit(1);
}

/** Reads the flags of `npm start`; ends the process after --help and after a wrong one. */
function parseOptions(argv: readonly string[]): StackOptions {
  const command = new Command('npm start --')
    .description(
      'Starts Temporal, MLflow, the API gateway, the webhook and a worker on this machine, and runs one retrain.',
    )
    .option('--once', 'stop everything after the retrain', false)
    .option('--trials <number>', 'trials of the retrain (0: no search)', wholeNumber)
    .option('--no-retrain', 'do not retrain')
    .option('--dir <folder>', 'folder of the state (default: stack.dir, which is .mediwatch)')
    .addHelpText('after', HELP)
    .parse([...argv]);
  const options = command.opts<StackOptions>();
  if (options.once && !options.retrain)
    command.error('error: --once waits for the retrain that --no-retrain leaves out');
  return options;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0 to 99999.');
  return Number(text);
}
