import { Argument, type Command, Option } from 'commander';
import type { z } from 'zod';
import { WORKFLOWS, type WorkflowName } from '../../contracts/workflows.ts';
import { utcMinute } from '../../words/numbers.ts';
import { type Cli, user } from '../cli.ts';
import { aboutOf, completing, configOf, optionOf, typableFields, versionNumber } from '../flags.ts';
import { describeCommand, type Example } from '../help.ts';
import { temporalLink } from '../links.ts';
import { confirmWish, wishOf, YES_FLAG } from '../production.ts';
import { withSession } from '../session.ts';
import { type CheckedInput, checkInput, pathHere, startedBefore, startWorkflow } from '../start.ts';

/** An input that the schema of its workflow takes. */
type Input = CheckedInput;

/** A command that starts one workflow. */
export interface StartCommand {
  name: string;
  workflow: WorkflowName;
  /** Takes `[version]` as its argument. */
  version?: true;
  /** Whether it stays until the end unless told otherwise: changes of production do, long computations do not. */
  follows: boolean;
  /** It may change Production: on a terminal it asks before. */
  asks?: true;
  /** Tells what the workflow would do, where that needs no workflow; the others take `dryRun` in their input. */
  rehearse?: (cli: Cli, input: Input) => Promise<void>;
  examples: readonly Example[];
}

/** Adds the command to the program; its flags and their descriptions come from the workflow's contract. */
export function addStartCommand(program: Command, cli: Cli, spec: StartCommand): void {
  const { about, input: schema } = WORKFLOWS[spec.workflow];
  const fields = schema.shape as Record<string, z.ZodType>;
  const config = readable(cli);
  const command = describeCommand(program.command(spec.name), about, spec.examples);
  if (spec.version) {
    const about = aboutOf(fields.version as z.ZodType, config);
    command.addArgument(completing(new Argument('[version]', about).argParser(versionNumber), 'versions'));
  }
  const names = typableFields(schema);
  const options = names.map((field) => ({ field, option: optionOf(field, fields[field] as z.ZodType, config) }));
  for (const { field, option } of options) command.addOption(field === 'dryRun' ? option.conflicts('detach') : option);
  const usual = (is: boolean) => (is ? ' (what it does by default)' : '');
  command
    .option('--id <id>', idAbout(names.includes('dryRun')))
    .addOption(new Option('-f, --follow', `stay and show progress${usual(spec.follows)}`).conflicts('detach'))
    .addOption(new Option('-d, --detach', `return once it is started${usual(!spec.follows)}`).conflicts('follow'));
  if (spec.rehearse) {
    command.addOption(new Option('--dry-run', 'only tell what it would do, and start nothing').conflicts('detach'));
  }
  if (spec.asks) command.option(...YES_FLAG);

  command.action(async () => {
    const given = command.opts();
    const input: Record<string, unknown> =
      spec.version && command.processedArgs[0] !== undefined ? { version: command.processedArgs[0] } : {};
    for (const { field, option } of options) {
      const name = option.attributeName();
      if (command.getOptionValueSource(name) === 'cli') input[field] = given[name];
    }
    // Whoever types the command is named in the history of Production without having to say so.
    for (const who of ['by', 'trigger'] as const) if (names.includes(who)) input[who] ??= user();
    for (const path of ['data', 'log'] as const) {
      if (typeof input[path] === 'string') input[path] = pathHere(input[path], cli.io.cwd);
    }
    const checked = checkInput(spec.workflow, input);
    if (checked.registeredModel !== undefined) configOf(cli, checked.registeredModel);
    if (spec.rehearse && given.dryRun) return spec.rehearse(cli, checked);
    const stays = given.dryRun || given.follow || (spec.follows && !given.detach);
    await start(cli, spec, {
      input: checked,
      id: given.id,
      follow: stays,
      // What a real run does would be taken for what a dry one tells.
      join: given.id !== undefined && stays && !given.dryRun,
      yes: given.yes || given.dryRun,
    });
  });
}

const idAbout = (hasDryRuns: boolean) =>
  'id of the workflow; the same id twice starts one workflow, not two: a second call that stays follows it, any other ' +
  `ends with 2${hasDryRuns ? '. A dry run has an id of its own, <id>-dry-run, and is made each time' : ''}`;

interface Wanted {
  input: Input;
  id: string | undefined;
  follow: boolean;
  /** Follows one of this id that was started before. */
  join: boolean;
  /** Without asking. */
  yes: boolean;
}

async function start(cli: Cli, { workflow, asks }: StartCommand, options: Wanted): Promise<void> {
  const { input, id, follow, join, yes } = options;
  await withSession(cli, async (session) => {
    const wanted = { workflow, input, id, join };
    const anew = async () => {
      const own = configOf(cli, input.registeredModel);
      if (asks) await confirmWish(cli, own, wishOf(workflow, input, own), yes);
      return await startWorkflow(session, wanted);
    };
    // Nobody is asked about what was started before.
    const { target, already } = (await startedBefore(session, wanted)) ?? (await anew());
    const { workflowId, runId, startedAt } = target;
    const { url } = temporalLink(session.config, workflowId);
    cli.emit({ event: 'started', workflow, workflowId, runId, url, already });
    cli.say(
      already
        ? `${workflowId} was started before, at ${utcMinute(startedAt)}: what it was given then counts. Following it.`
        : `Started ${workflowId}`,
    );
    cli.say(`  ${url}`);
    if (follow) {
      const { follow: followIt } = await import('../follow/follow.ts');
      await followIt(cli, session, target);
    } else {
      cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
    }
  });
}

/** The settings, if they can be read: help must come even when they cannot. */
function readable(cli: Cli) {
  try {
    return cli.config();
  } catch {
    return undefined;
  }
}

export const prepare: StartCommand = {
  name: 'prepare',
  workflow: 'prepareData',
  follows: false,
  examples: [
    ['prepare --follow', 'the data of data.path'],
    ['prepare --data new.csv --force', 'another file, though its data set may exist'],
  ],
};

export const search: StartCommand = {
  name: 'search',
  workflow: 'hyperparameterSearch',
  follows: false,
  examples: [
    ['search --follow', 'a search alone: nothing is registered'],
    ['search --trials 100 --parallel 4', 'a long one'],
  ],
};

export const train: StartCommand = {
  name: 'train',
  workflow: 'trainBestAndRegister',
  follows: false,
  examples: [
    ['train --follow', 'one model with the default hyperparameters'],
    ['train --param learning_rate=0.05 max_depth=6', 'with these'],
    ['train --model rf', 'the random-forest baseline'],
  ],
};

export const promote: StartCommand = {
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
};

export const rollback: StartCommand = {
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
};

export const redeploy: StartCommand = {
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
};

export const build: StartCommand = {
  name: 'build',
  workflow: 'buildImage',
  version: true,
  follows: true,
  examples: [
    ['build', 'the runtime image, if anything that goes into it has changed, and push it'],
    ['build 3', 'an image with version 3 of the model in it'],
  ],
};

export const retrain: StartCommand = {
  name: 'retrain',
  workflow: 'retrain',
  follows: false,
  asks: true,
  rehearse: async (cli, input) => {
    const { rehearseRetrain } = await import('../production.ts');
    await rehearseRetrain(cli, input);
  },
  examples: [
    ['retrain --follow', 'with the settings of mediwatch.yaml'],
    ['retrain --trials 50 --parallel 2', 'a longer search, two trials at once'],
    ['retrain --model rf --trials 0 --stage Staging', 'the baseline, without a search, not to Production'],
    ['retrain --trials 50 --dry-run', 'what it would do, step by step; needs no worker'],
    ['retrain --id nightly-2026-01-31', 'once for this id, however often it is called'],
    ['retrain --follow --json | tail -1', 'what came of it, for a script'],
  ],
};
