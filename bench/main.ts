// `npm run bench -- <name> [--json]`: benchmarks that print ratios measured in one run.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Command } from 'commander';
import { PROJECT_ROOT } from '../src/config.ts';
import { benchAlerts } from './alerts.ts';
import { benchEncryption } from './encryption.ts';
import { circumstances, say } from './figures.ts';
import { benchModels } from './models.ts';
import { benchRedeploy } from './redeploy.ts';
import { benchRetrain } from './retrain.ts';
import { benchRows } from './rows.ts';
import { benchServe } from './serve.ts';
import { benchStart } from './start.ts';
import { benchSteps } from './steps.ts';

/** Its options are numbers, each with its default and its help; one without a default is a flag, 1 when it is given. */
interface Benchmark<Name extends string> {
  about: string;
  options: Record<Name, [fallback: number | null, help: string]>;
  run(options: Record<Name, number>): Promise<object>;
}
const benchmark = <Name extends string>(one: Benchmark<Name>) => one as Benchmark<string>;
const IN_TURN = 'how often each side is measured, in turn';

const BENCHMARKS: Record<string, Benchmark<string>> = {
  retrain: benchmark({
    about: 'the whole retrain against the same Python functions in one plain process',
    options: {
      trials: [20, 'trials of each search'],
      rounds: [5, IN_TURN],
      peers: [null, 'Optuna with joblib, and Ray Tune, each with the same pruner, too; Ray is fetched'],
    },
    run: benchRetrain,
  }),
  steps: benchmark({
    about: 'steps that do nothing against the bare SDK, and a search of many trials against one of few',
    options: {
      rounds: [5, IN_TURN],
      steps: [200, 'steps of each round'],
      few: [20, 'trials of the short search'],
      many: [1000, 'trials of the long search'],
    },
    run: benchSteps,
  }),
  start: benchmark({
    about: 'starting a stack again that has a version to serve, and how long commands take while it is idle',
    options: { rounds: [5, 'how often it is started, and how often each command runs'] },
    run: benchStart,
  }),
  redeploy: benchmark({
    about: 'redeploys and rollbacks under a steady load: how many requests fail, and how long each takes',
    options: { rounds: [10, 'how many redeploys, and how many rollbacks'], rate: [50, 'requests a second'] },
    run: benchRedeploy,
  }),
  serve: benchmark({
    about: "predictions of the bundled API and of MLflow's own server, with the same model version",
    options: {
      rounds: [5, IN_TURN],
      seconds: [5, 'how long each measurement lasts'],
      clients: [32, 'clients that ask for one record at a time'],
      batch: [10_000, 'records of a request in a batch'],
    },
    run: benchServe,
  }),
  alerts: benchmark({
    about: 'drift alerts in a storm while the worker is killed and restarted, against plain signals',
    options: {
      rounds: [5, IN_TURN],
      alerts: [10_000, 'how many alerts, in all rounds'],
      senders: [50, 'how many send at once'],
      clients: [10, 'connections that they share, each as a process of its own would have'],
    },
    run: benchAlerts,
  }),
  encryption: benchmark({
    about: 'retrains of a sample, redeploys and rollbacks with encrypted payloads, against the same without',
    options: { rounds: [5, IN_TURN], trials: [4, 'trials of each search'] },
    run: benchEncryption,
  }),
  models: benchmark({
    about:
      'many models with a schedule, a steward and a held lock each, on one stack with one worker, against one model',
    options: {
      models: [200, 'how many models'],
      rounds: [5, 'alerts that are measured, each of another model'],
      seconds: [60, 'how long the idle stack is watched'],
    },
    run: benchModels,
  }),
  rows: benchmark({
    about: 'preparing up to ten million rows, and drift checks of logs that are as long: time and memory',
    options: {
      copies: [100, 'how often the bundled data are repeated at most: once, ten times, a hundred times'],
      rounds: [3, 'how often each drift check is measured'],
    },
    run: benchRows,
  }),
};
const LATEST = join(import.meta.dirname, 'results', 'latest.json');

const program = new Command('npm run bench --').description(
  'Measures the service against what it replaces, both in the same run on this machine.',
);
for (const [name, { about, options, run }] of Object.entries(BENCHMARKS)) {
  const command = program.command(name).description(about);
  for (const [option, [fallback, help]] of Object.entries(options)) {
    if (fallback === null) command.option(`--${option}`, help, false);
    else command.option(`--${option} <n>`, help, Number, fallback);
  }
  command.action(async ({ json, ...given }) => {
    const numbers = Object.fromEntries(Object.entries(given).map(([option, value]) => [option, Number(value)]));
    const { save, ...measured } = numbers;
    const figures = { ...(await circumstances()), ...(await run(measured)) };
    if (save) await keep({ [name]: figures });
    print(figures, json);
  });
  command.option(
    '--save',
    `keep the figures in ${relative(PROJECT_ROOT, LATEST)}, from which the docs have them`,
    false,
  );
}
program
  .command('all')
  .description('all of these with their defaults and flags, one after the other, and keeps their figures')
  .action(async ({ json }) => {
    const measured: Record<string, object> = {};
    for (const [name, { about, options, run }] of Object.entries(BENCHMARKS)) {
      say(`${name}: ${about}`);
      const defaults = Object.entries(options).map(([option, [fallback]]) => [option, fallback ?? 1]);
      measured[name] = { ...(await circumstances()), ...(await run(Object.fromEntries(defaults))) };
      // One that fails leaves those before it.
      await keep(measured);
    }
    print(measured, json);
  });
for (const command of program.commands) {
  command.option('--json', 'print one JSON document on stdout, and progress on stderr', false);
}
await program.parseAsync();

function print(figures: object, json: boolean): void {
  if (json) console.log(JSON.stringify(figures, null, 2));
  else for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${JSON.stringify(value)}`);
}

/** Puts figures beside those of other benchmarks; `npm run docs` takes them over. */
async function keep(figures: Record<string, object>): Promise<void> {
  const before: object = existsSync(LATEST) ? JSON.parse(await readFile(LATEST, 'utf8')) : {};
  await mkdir(dirname(LATEST), { recursive: true });
  await writeFile(LATEST, `${JSON.stringify({ ...before, ...figures }, null, 2)}\n`);
}
