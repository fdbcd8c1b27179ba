import process from 'node:process';
import { codeOfLostOutput } from './cli/exit.ts';
import { main } from './cli/main.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second one does not wait for anything.
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort();
  });
}
// A reader that closes the pipe early, such as head, is no error, and changes nothing of what a gate has said.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  process.stderr.write(`The output could not be written: ${error.message}\n`);
  process.exit(codeOfLostOutput(process.argv.slice(2)));
});
// Where messages cannot be written, neither can one about that.
process.stderr.on('error', () => undefined);

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  interrupted: interruption.signal,
});
