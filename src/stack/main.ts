// `npm start`: starts the embedded stack, runs one retrain, and serves until Ctrl-C.
import { ConfigError } from '../config.ts';
import { watchInterruptions } from './interruption.ts';
import { parseOptions } from './options.ts';
import { StackProblem } from './problem.ts';
import { run } from './run.ts';

const options = parseOptions(process.argv);
// Under npm the reader's command is npm itself: when that is killed, this process must end too.
const interruption = watchInterruptions({ watchParent: process.env.npm_lifecycle_event !== undefined });

try {
  process.exit(await run(options, interruption));
} catch (error) {
  const isExpected = error instanceof StackProblem || error instanceof ConfigError;
  console.error(isExpected ? `\n${error.message}` : error);
  process.exit(1);
}
