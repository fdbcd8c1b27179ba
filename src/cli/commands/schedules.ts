import { Argument, type Command, Option } from 'commander';
import { ScheduleDeclaration } from '../../contracts/schedules.ts';
import { type Cli, user } from '../cli.ts';
import { completing } from '../flags.ts';
import { describeCommand } from '../help.ts';
import { YES_FLAG } from '../production.ts';
import type { Backfill, Trigger } from '../schedules/change.ts';
import { withSession } from '../session.ts';

const ABOUT =
  'Lists the schedules: what each starts when, its next and last starts, and whether Temporal has it as declared.';
const scheduleName = () =>
  completing(new Argument('<name>', 'name of the schedule, as "mediwatch schedules" lists it'), 'schedules');

export function addSchedules(program: Command, cli: Cli): void {
  const schedules = describeCommand(program.command('schedules'), ABOUT, [
    ['schedules', 'what starts when'],
    ['schedules apply', 'bring the section schedules of mediwatch.yaml to Temporal'],
    ['schedules pause nightly-retrain --reason "the database is being moved"', 'until it is resumed'],
  ]).action(async () => {
    const [{ scheduleStates }, { listLines }] = await Promise.all([
      import('../schedules/list.ts'),
      import('../schedules/list.ts'),
    ]);
    const states = await withSession(cli, scheduleStates);
    if (cli.json) cli.emit({ schedules: states });
    else for (const line of listLines(states, cli.style)) cli.say(line);
  });
  addApply(schedules, cli);
  addPauseAndResume(schedules, cli);
  addTrigger(schedules, cli);
  addBackfill(schedules, cli);
}

function addApply(schedules: Command, cli: Cli): void {
  const about =
    'Brings the schedules of mediwatch.yaml to Temporal. What was changed by hand there stays, and is told.';
  const command = describeCommand(schedules.command('apply'), about, [
    ['schedules apply --dry-run', 'what would be changed, field by field'],
    ['schedules apply --prune', 'and delete those that are not declared any more'],
    ['schedules apply --overwrite', 'and undo what was changed or paused by hand'],
  ])
    .option('--dry-run', 'tell what would be done, and do nothing')
    .option('--prune', 'delete those of ours that are not declared any more')
    .option('--overwrite', 'undo what was changed by hand in Temporal, a pause too');
  command.action(async () => {
    const { dryRun = false, prune = false, overwrite = false } = command.opts<Record<string, boolean>>();
    const [{ reconcile }, { changeLines }] = await Promise.all([
      import('../../systems/schedules/reconcile.ts'),
      import('../schedules/list.ts'),
    ]);
    const changes = await withSession(cli, ({ client, config }) =>
      reconcile(client, config.schedules, { dryRun, prune, overwrite }),
    );
    if (cli.json) cli.emit({ dryRun, changes });
    else for (const line of changeLines(changes, { dryRun }, cli.style)) cli.say(line);
  });
}

function addPauseAndResume(schedules: Command, cli: Cli): void {
  const pauseAbout = 'Lets a schedule start nothing until it is resumed; what runs goes on.';
  const pause = describeCommand(schedules.command('pause'), pauseAbout, [
    [
      'schedules pause nightly-retrain --reason "the database is being moved"',
      'applying mediwatch.yaml leaves it paused',
    ],
  ])
    .addArgument(scheduleName())
    .option('--reason <text>', 'why, shown in the Temporal UI');
  pause.action(async (name: string) => {
    const { reason = `Paused by ${user()}` } = pause.opts<{ reason?: string }>();
    const { pauseSchedule } = await import('../schedules/change.ts');
    await withSession(cli, (session) => pauseSchedule(cli, session, name, reason));
  });
  describeCommand(schedules.command('resume'), 'Lets a paused schedule go on.', [
    ['schedules resume nightly-retrain', 'from its next time on'],
  ])
    .addArgument(scheduleName())
    .action(async (name: string) => {
      const { resumeSchedule } = await import('../schedules/change.ts');
      await withSession(cli, (session) => resumeSchedule(cli, session, name));
    });
}

function addTrigger(schedules: Command, cli: Cli): void {
  const about = 'Starts the workflow of a schedule now, whatever else runs and even when it is paused.';
  const command = describeCommand(schedules.command('trigger'), about, [
    ['schedules trigger nightly-drift-check', 'as it is tonight'],
    ['schedules trigger nightly-retrain --dry-run', 'what it would start'],
  ])
    .addArgument(scheduleName())
    .option('-f, --follow', 'stay and show progress')
    .option(...YES_FLAG)
    .option('--dry-run', 'only tell what it would start, and start nothing');
  command.action(async (name: string) => {
    const { yes = false, dryRun = false, follow = false } = command.opts<Partial<Trigger>>();
    const { triggerSchedule } = await import('../schedules/change.ts');
    await withSession(cli, (session) => triggerSchedule(cli, session, name, { yes, dryRun, follow }));
  });
}

function addBackfill(schedules: Command, cli: Cli): void {
  const about = 'Starts what a schedule would have started between two times, and says how many that are.';
  const command = describeCommand(schedules.command('backfill'), about, [
    ['schedules backfill nightly-drift-check --from 2026-01-01 --to 2026-01-08', 'a week that was missed'],
    ['schedules backfill nightly-retrain --from 2026-01-31T01:00:00Z --to 2026-01-31T03:00:00Z', 'one night'],
  ])
    .addArgument(scheduleName())
    .requiredOption('--from <time>', 'a date (00:00 UTC) or a time with its zone')
    .requiredOption('--to <time>', 'likewise; not in the future')
    .addOption(
      new Option('--overlap <policy>', 'how they follow one another: bufferAll, one after the other')
        .choices(ScheduleDeclaration.shape.overlap.unwrap().options)
        .default('bufferAll'),
    )
    .option('-y, --yes', 'do not ask for confirmation, which is asked for on a terminal')
    .option('--dry-run', 'only tell what would be started, and start nothing');
  command.action(async (name: string) => {
    const { backfillSchedule, timeOf } = await import('../schedules/change.ts');
    const {
      from,
      to,
      overlap,
      yes = false,
      dryRun = false,
    } = command.opts<Record<'from' | 'to', string> & Partial<Backfill>>();
    const wanted = {
      name,
      from: timeOf(from, '--from'),
      to: timeOf(to, '--to'),
      overlap: overlap ?? 'bufferAll',
      yes,
      dryRun,
    };
    await withSession(cli, (session) => backfillSchedule(cli, session, wanted));
  });
}
