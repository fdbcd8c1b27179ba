// `npm run bench -- <name> [--json]`: benchmarks that print ratios measured in one run.
import { Command } from 'commander';
import { benchAlerts } from './alerts.ts';
import { benchRedeploy } from './redeploy.ts';
import { benchRetrain } from './retrain.ts';
import { benchServe } from './serve.ts';

const program = new Command('npm run bench --')
  .description('Measures the service against what it replaces, both in the same run on this machine.')
  .option('--json', 'print one JSON document on stdout, and progress on stderr', false);

program
  .command('retrain')
  .description('the whole retrain against the same Python functions in one plain process')
  .option('--trials <n>', 'trials of each search', Number, 20)
  .option('--rounds <n>', 'how often each side runs, in turn', Number, 2)
  .action(async (options: { trials: number; rounds: number }) => print(await benchRetrain(options)));

program
  .command('redeploy')
  .description('redeploys and rollbacks under a steady load: how many requests fail, and how long each takes')
  .option('--rounds <n>', 'how many redeploys, and how many rollbacks', Number, 10)
  .option('--rate <n>', 'requests a second', Number, 50)
  .action(async (options: { rounds: number; rate: number }) => print(await benchRedeploy(options)));

program
  .command('serve')
  .description("predictions of the bundled API and of MLflow's own server, with the same model version")
  .option('--rounds <n>', 'how often each side is measured, in turn', Number, 5)
  .option('--seconds <n>', 'how long each measurement lasts', Number, 5)
  .option('--clients <n>', 'clients that ask for one record at a time', Number, 32)
  .option('--batch <n>', 'records of a request in a batch', Number, 10_000)
  .action(async (options: { rounds: number; seconds: number; clients: number; batch: number }) =>
    print(await benchServe(options)),
  );

program
  .command('alerts')
  .description('drift alerts in a storm while the worker is killed and restarted, against plain signals')
  .option('--alerts <n>', 'how many alerts', Number, 10_000)
  .option('--senders <n>', 'how many send at once', Number, 50)
  .option('--clients <n>', 'connections that they share, each as a process of its own would have', Number, 10)
  .action(async (options: { alerts: number; senders: number; clients: number }) => print(await benchAlerts(options)));

for (const command of program.commands) command.option('--json', 'print one JSON document on stdout', false);

await program.parseAsync();

function print(figures: Record<string, unknown>): void {
  const json = program.opts().json || program.commands.some((command) => command.opts().json);
  if (json) console.log(JSON.stringify(figures, null, 2));
  else for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${JSON.stringify(value)}`);
}
