import { Argument, type Command, Option } from 'commander';
import type { z } from 'zod';
import type { Config } from '../../config.ts';
import { WORKFLOWS, type WorkflowName } from '../../contracts/workflows.ts';
import { type Cli, user } from '../cli.ts';
import { completing, described, optionOf, typableFields, versionNumber, YES_FLAG } from '../flags.ts';
import { describeCommand, type Example } from '../help.ts';

/** A command that starts one workflow. */
interface StartCommand {
  name: string;
  workflow: WorkflowName;
  /** Takes `[version]` as its argument. */
  version?: true;
  /** Whether it stays until the end by default: changes of production do, long computations do not. */
  follows: boolean;
  /** It may change Production: on a terminal it asks before. */
  asks?: true;
  /** Its dry run needs no workflow; those of the others are a field of their input. */
  rehearses?: true;
  examples: readonly Example[];
}

/** The whole chain. */
export const RETRAIN: StartCommand = {
  name: 'retrain',
  workflow: 'retrain',
  follows: false,
  asks: true,
  rehearses: true,
  examples: [
    ['retrain --follow', 'with the settings of mediwatch.yaml'],
    ['retrain --trials 50 --parallel 2', 'a longer search, two trials at once'],
    ['retrain --model rf --trials 0 --stage Staging', 'the baseline, without a search, not to Production'],
    ['retrain --trials 50 --dry-run', 'what it would do, step by step; needs no worker'],
    ['retrain --id nightly-2026-01-31', 'once for this id, however often it is called'],
    ['retrain --follow --json | tail -1', 'what came of it, for a script'],
  ],
};

/** Single stages that leave Production alone. */
export const COMPUTATIONS: readonly StartCommand[] = [
  {
    name: 'prepare',
    workflow: 'prepareData',
    follows: false,
    examples: [
      ['prepare --follow', 'the data of data.path'],
      ['prepare --data new.csv --force', 'another file, though its data set may exist'],
    ],
  },
  {
    name: 'search',
    workflow: 'hyperparameterSearch',
    follows: false,
    examples: [
      ['search --follow', 'a search alone: nothing is registered'],
      ['search --trials 100 --parallel 4', 'a long one'],
    ],
  },
  {
    name: 'train',
    workflow: 'trainBestAndRegister',
    follows: false,
    examples: [
      ['train --follow', 'one model with the default hyperparameters'],
      ['train --param learning_rate=0.05 max_depth=6', 'with these'],
      ['train --model rf', 'the random-forest baseline'],
    ],
  },
];

/** What changes Production or the API. */
export const CHANGES: readonly StartCommand[] = [
  {
    name: 'promote',
    workflow: 'promote',
    version: true,
    follows: true,
    asks: true,
    examples: [
      ['promote', 'the newest version to Production, if the gate agrees, and redeploy the API'],
      ['promote 3 --stage Staging', 'version 3 to Staging'],
      ['promote 3 --force', 'although the gate refuses'],
      ['promote 3 --approval --strategy canary', 'when a person approves, a share of the traffic first'],
      ['promote 3 --dry-run', 'what would change; the exit code is 3 when the gate refuses'],
    ],
  },
  {
    name: 'rollback',
    workflow: 'rollback',
    version: true,
    follows: true,
    asks: true,
    examples: [
      ['rollback', 'back to the version that was in Production before'],
      ['rollback 2 --reason "complaints from ward 7"', 'to version 2, and why'],
      ['rollback --dry-run', 'which version would be back, and what else would change'],
    ],
  },
  {
    name: 'redeploy',
    workflow: 'redeploy',
    version: true,
    follows: true,
    asks: true,
    examples: [
      ['redeploy', 'the version in Production'],
      ['redeploy 3 --detach', 'version 3, without waiting'],
      ['redeploy --dry-run', 'what would be started and stopped'],
    ],
  },
  {
    name: 'build',
    workflow: 'buildImage',
    version: true,
    follows: true,
    examples: [
      ['build', 'the runtime image, if anything that goes into it has changed, and push it'],
      ['build 3', 'an image with version 3 of the model in it'],
    ],
  },
];

/** Adds the command to the program; its flags and their descriptions come from the workflow's contract. */
export function addStartCommand(program: Command, cli: Cli, spec: StartCommand): void {
  const { about, input: schema } = WORKFLOWS[spec.workflow];
  const fields = schema.shape as Record<string, z.ZodType>;
  const config = () => readableConfig(cli);
  const command = describeCommand(program.command(spec.name), about.replace(/\.$/, ''), spec.examples);
  if (spec.version) {
    const version = new Argument('[version]').argParser(versionNumber);
    command.addArgument(completing(described(version, fields.version as z.ZodType, config), 'versions'));
  }
  const names = typableFields(schema);
  const options = names.map((field) => ({ field, option: optionOf(field, fields[field] as z.ZodType, config) }));
  for (const { field, option } of options) command.addOption(field === 'dryRun' ? option.conflicts('detach') : option);
  const usual = (is: boolean) => (is ? ' (what it does by default)' : '');
  command
    .option('--id <id>', idAbout(names.includes('dryRun')))
    .addOption(new Option('-f, --follow', `stay and show progress${usual(spec.follows)}`).conflicts('detach'))
    .addOption(new Option('-d, --detach', `return once it is started${usual(!spec.follows)}`).conflicts('follow'));
  if (spec.rehearses) {
    command.addOption(new Option('--dry-run', 'only say what it would do, and start nothing').conflicts('detach'));
  }
  if (spec.asks) command.option(...YES_FLAG);

  command.action(async () => {
    const { id, follow, detach, dryRun = false, yes = false, ...given } = command.opts();
    const typed = options
      .map(({ field, option }) => [field, option.attributeName()] as const)
      .filter(([, name]) => command.getOptionValueSource(name) === 'cli');
    const input: Record<string, unknown> = {
      ...(command.processedArgs[0] !== undefined && { version: command.processedArgs[0] }),
      // Whoever types the command is named in the history of Production without having to say so.
      ...Object.fromEntries(['by', 'trigger'].filter((who) => names.includes(who)).map((who) => [who, user()])),
      ...Object.fromEntries(typed.map(([field, name]) => [field, name === 'dryRun' ? dryRun : given[name]])),
    };
    const { runStart } = await import('../start.ts');
    const stays = dryRun || follow || (spec.follows && !detach);
    await runStart(cli, { ...spec, input, id, follow: stays, dryRun, yes });
  });
}

const idAbout = (hasDryRuns: boolean) =>
  'id of the workflow; the same id twice starts one workflow, not two: a second call that stays follows it, any other ' +
  `ends with 2${hasDryRuns ? '. A dry run has an id of its own, <id>-dry-run, and is made each time' : ''}`;

/** The settings, if they can be read: help must come even when they cannot. */
function readableConfig(cli: Cli): Config | undefined {
  try {
    return cli.config();
  } catch {
    return undefined;
  }
}
