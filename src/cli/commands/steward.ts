import type { Command } from 'commander';
import type { Steering } from '../../contracts/steward.ts';
import { type Cli, user } from '../cli.ts';
import { configOf, modelOption } from '../flags.ts';
import { describeCommand, type Example } from '../help.ts';
import { temporalLink } from '../links.ts';
import { confirmWish, wishOf, YES_FLAG } from '../production.ts';
import { type Session, withSession } from '../session.ts';

const ABOUT = 'Shows and steers the steward of a model, which takes drift alerts and retrains once for all of them.';

interface Flags {
  registeredModel?: string;
  reason?: string;
  by?: string;
  yes?: boolean;
  dryRun?: boolean;
}

/** What is done with the steward, and what is said when it is done. */
type Act = (session: Session, registeredModel: string, steering: Steering) => Promise<{ done: boolean; text: string }>;

/** One that may bring a version to Production. */
interface Moving {
  /** Tells what it would do, and does nothing. */
  rehearse: Act;
}

export function addSteward(program: Command, cli: Cli): void {
  const steward = describeCommand(program.command('steward'), ABOUT, [
    ['steward', 'what it is doing, and which alerts are pending'],
    ['steward pause --reason "holidays"', 'count alerts, but start nothing'],
    ['steward resume', 'go on; what came meanwhile is decided'],
    ['steward retrain-now', 'whatever the cooldown says'],
  ]);
  const status = describeCommand(
    steward.command('status', { isDefault: true }),
    'Shows what the steward is doing: its phase, alerts that are pending, its last retrain.',
    [['steward status --json | jq .state.phase', 'for a script']],
  ).addOption(modelOption());
  status.action(() => showSteward(cli, modelOf(cli, status.opts<Flags>())));
  addAct(steward, cli, 'pause', 'Pauses the steward: alerts are counted and kept, and start nothing.', pauseIt, [
    ['steward pause --reason "holidays"', 'until it is resumed'],
  ]);
  addAct(steward, cli, 'resume', 'Lets the steward go on: alerts that came meanwhile are decided.', resumeIt, [
    ['steward resume', 'after a pause, its own after failures too'],
  ]);
  addAct(
    steward,
    cli,
    'retrain-now',
    'Has the steward retrain, whatever a cooldown or a pause says.',
    retrainIt,
    [
      ['steward retrain-now --reason "new codes since Monday"', 'refused while a retrain is under way'],
      ['steward retrain-now --dry-run', 'whether it would be refused, and what would be retrained'],
    ],
    { rehearse: rehearseIt },
  );
}

function addAct(
  steward: Command,
  cli: Cli,
  name: string,
  about: string,
  act: Act,
  examples: readonly Example[],
  moving?: Moving,
): void {
  const command = describeCommand(steward.command(name), about, examples)
    .option('--reason <text>', 'why, kept by the steward')
    .option('--by <name>', 'who asks for it; default: the user of this machine')
    .addOption(modelOption());
  if (moving) command.option(...YES_FLAG).option('--dry-run', 'only tell what it would do, and start nothing');
  command.action(async () => {
    const given = command.opts<Flags>();
    const registeredModel = modelOf(cli, given);
    const steering = { by: given.by ?? user(), reason: given.reason ?? '' };
    await withSession(cli, async (session) => {
      const { workflowIds } = await import('../../contracts/names.ts');
      const rehearses = moving && given.dryRun;
      if (moving && !rehearses) {
        const own = configOf(cli, registeredModel);
        await confirmWish(cli, own, wishOf('retrain', own.steward.retrain, own), given.yes === true);
      }
      const { done, text } = await (rehearses ? moving.rehearse : act)(session, registeredModel, steering);
      const workflowId = workflowIds.steward(registeredModel);
      const { url } = temporalLink(session.config, workflowId);
      cli.emit({
        event: name,
        ...(rehearses && { dryRun: true }),
        done,
        registeredModel,
        ...steering,
        message: text,
        workflowId,
        url,
      });
      cli.say(text);
    });
  });
}

const pauseIt: Act = async (session, registeredModel, steering) => {
  const { pause } = await import('../drift/steward.ts');
  await pause(session, registeredModel, steering);
  return { done: true, text: `The steward of ${registeredModel} is paused. "mediwatch steward resume" goes on.` };
};

const resumeIt: Act = async (session, registeredModel, steering) => {
  const { resume } = await import('../drift/steward.ts');
  const done = await resume(session, registeredModel, steering);
  const text = done
    ? `The steward of ${registeredModel} goes on.`
    : `${registeredModel} has no steward that is paused.`;
  return { done, text };
};

const retrainIt: Act = async (session, registeredModel, steering) => {
  const { askForRetrain } = await import('../drift/steward.ts');
  const { workflowId, startsAfter } = await askForRetrain(session, registeredModel, steering);
  const waits = startsAfter && `The retrain starts when ${startsAfter} has ended.`;
  return { done: true, text: workflowId ?? waits ?? 'The retrain could not be started.' };
};

const rehearseIt: Act = async (session, registeredModel) => {
  const { rehearseRetrain } = await import('../drift/steward.ts');
  return { done: false, text: `Dry run, nothing was started. ${await rehearseRetrain(session, registeredModel)}` };
};

async function showSteward(cli: Cli, registeredModel: string): Promise<void> {
  const [{ askSteward }, { stewardLines }] = await Promise.all([
    import('../drift/steward.ts'),
    import('../drift/steward.ts'),
  ]);
  await withSession(cli, async (session) => {
    const answer = await askSteward(session, registeredModel);
    const { url } = temporalLink(session.config, answer.workflowId);
    cli.emit({ registeredModel, ...answer, url });
    const [head, ...lines] = stewardLines(answer, Date.now());
    cli.say(`${cli.style('bold', `Steward of ${registeredModel}`)}: ${head}`);
    for (const line of lines) cli.say(line);
    if (answer.exists !== 'none') cli.say(`  ${url}`);
  });
}

function modelOf(cli: Cli, { registeredModel }: Flags): string {
  return configOf(cli, registeredModel).registry.registeredModel;
}
