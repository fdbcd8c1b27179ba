import { Argument, type Command, Option } from 'commander';
import type { z } from 'zod';
import { WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { utcMinute } from '../words/numbers.ts';
import type { Cli } from './cli.ts';
import { completing } from './completion/declare.ts';
import { aboutOf, optionOf, typableFields, versionNumber } from './flags.ts';
import { describeCommand, type Example } from './help.ts';
import { type CheckedInput, checkInput, pathHere } from './input.ts';
import { temporalLink } from './links.ts';
import { configOf } from './model.ts';
import { confirmWish, wishOf, YES_FLAG } from './production/ask.ts';
import { withSession } from './session.ts';
import { startedBefore, startWorkflow } from './start.ts';
import { user } from './user.ts';

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
      const { follow: followIt } = await import('./follow/follow.ts');
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
