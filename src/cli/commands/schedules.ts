import { Argument, type Command, Option } from 'commander';
import { ScheduleDeclaration } from '../../contracts/schedules.ts';
import { type Cli, user } from '../cli.ts';
import { completing, type Switches, YES_FLAG, zonedTime } from '../flags.ts';
import { describeCommand } from '../help.ts';

const nameArgument = () =>
  completing(new Argument('<name>', 'name of the schedule, as "mediwatch schedules" lists it'), 'schedules');

export function addSchedules(program: Command, cli: Cli): void {
  const schedules = describeCommand(
    program.command('schedules'),
    [
      'Lists the schedules',
      ': what each starts when, its next and last starts, and whether Temporal has it as declared.',
    ],
    [
      ['schedules', 'what starts when'],
      ['schedules apply', 'bring the section schedules of mediwatch.yaml to Temporal'],
      ['schedules pause nightly-retrain --reason "the database is being moved"', 'until it is resumed'],
    ],
  ).action(async () => {
    const { showSchedules } = await import('../schedules/list.ts');
    await showSchedules(cli);
  });
  addApply(schedules, cli);
  addPauseAndResume(schedules, cli);
  addTrigger(schedules, cli);
  addBackfill(schedules, cli);
}

function addApply(schedules: Command, cli: Cli): void {
  const command = describeCommand(
    schedules.command('apply'),
    ['Brings the schedules of mediwatch.yaml to Temporal', '. What was changed by hand there stays, and is shown.'],
    [
      ['schedules apply --dry-run', 'what would be changed, field by field'],
      ['schedules apply --prune', 'and delete those that are not declared any more'],
      ['schedules apply --overwrite', 'and undo what was changed or paused by hand'],
    ],
  )
    .option('--dry-run', 'only say what would be done, and do nothing')
    .option('--prune', 'delete those of ours that are not declared any more')
    .option('--overwrite', 'undo what was changed by hand in Temporal, a pause too');
  command.action(async () => {
    const {
      dryRun = false,
      prune = false,
      overwrite = false,
    } = command.opts<Switches<'dryRun' | 'prune' | 'overwrite'>>();
    const { applySchedules } = await import('../schedules/list.ts');
    await applySchedules(cli, { dryRun, prune, overwrite });
  });
}

function addPauseAndResume(schedules: Command, cli: Cli): void {
  const pause = describeCommand(
    schedules.command('pause'),
    ['Lets a schedule start nothing until it is resumed', '; what runs goes on.'],
    [
      [
        'schedules pause nightly-retrain --reason "the database is being moved"',
        'applying mediwatch.yaml leaves it paused',
      ],
    ],
  )
    .addArgument(nameArgument())
    .option('--reason <text>', 'why, shown in the Temporal UI');
  pause.action(async (name: string) => {
    const { reason = `Paused by ${user()}` } = pause.opts<{ reason?: string }>();
    const { pauseSchedule } = await import('../schedules/change.ts');
    await pauseSchedule(cli, name, reason);
  });
  describeCommand(schedules.command('resume'), 'Lets a paused schedule go on', [
    ['schedules resume nightly-retrain', 'from its next time on'],
  ])
    .addArgument(nameArgument())
    .action(async (name: string) => {
      const { resumeSchedule } = await import('../schedules/change.ts');
      await resumeSchedule(cli, name);
    });
}

function addTrigger(schedules: Command, cli: Cli): void {
  const command = describeCommand(
    schedules.command('trigger'),
    'Starts the workflow of a schedule now, whatever else runs and even when it is paused',
    [
      ['schedules trigger nightly-drift-check', 'as it is tonight'],
      ['schedules trigger nightly-retrain --dry-run', 'what it would start'],
    ],
  )
    .addArgument(nameArgument())
    .option('-f, --follow', 'stay and show progress')
    .option(...YES_FLAG)
    .option('--dry-run', 'only say what it would start, and start nothing');
  command.action(async (name: string) => {
    const { yes = false, dryRun = false, follow = false } = command.opts<Switches<'yes' | 'dryRun' | 'follow'>>();
    const { triggerSchedule } = await import('../schedules/change.ts');
    await triggerSchedule(cli, name, { yes, dryRun, follows: follow });
  });
}

interface BackfillFlags extends Switches<'yes' | 'dryRun'> {
  from: Date;
  to: Date;
  overlap: ScheduleDeclaration['overlap'];
}

function addBackfill(schedules: Command, cli: Cli): void {
  const command = describeCommand(
    schedules.command('backfill'),
    ['Starts what a schedule would have started between two times', ', and says how many that are.'],
    [
      ['schedules backfill nightly-drift-check --from 2026-01-01 --to 2026-01-08', 'a week that was missed'],
      ['schedules backfill nightly-retrain --from 2026-01-31T01:00:00Z --to 2026-01-31T03:00:00Z', 'one night'],
    ],
  )
    .addArgument(nameArgument())
    .requiredOption('--from <time>', 'a date (00:00 UTC) or a time with its zone', zonedTime)
    .requiredOption('--to <time>', 'likewise; not in the future', zonedTime)
    .addOption(
      new Option('--overlap <policy>', 'how they follow one another: bufferAll, one after the other')
        .choices(ScheduleDeclaration.shape.overlap.unwrap().options)
        .default('bufferAll'),
    )
    .option(...YES_FLAG)
    .option('--dry-run', 'only say what would be started, and start nothing');
  command.action(async (name: string) => {
    const { yes = false, dryRun = false, ...wanted } = command.opts<BackfillFlags>();
    const { backfillSchedule } = await import('../schedules/change.ts');
    await backfillSchedule(cli, { ...wanted, name, yes, dryRun });
  });
}
