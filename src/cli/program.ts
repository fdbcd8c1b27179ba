import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Cli } from './cli.ts';
import { addAlert } from './commands/alert.ts';
import { addApprove } from './commands/approve.ts';
import { build } from './commands/build.ts';
import { addCancel } from './commands/cancel.ts';
import { addCheck } from './commands/check.ts';
import { addCompare } from './commands/compare.ts';
import { addCompletion } from './commands/completion.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDrift } from './commands/drift.ts';
import { addFollow } from './commands/follow.ts';
import { addHelp } from './commands/help.ts';
import { addHistory } from './commands/history.ts';
import { addInit } from './commands/init.ts';
import { addLogs } from './commands/logs.ts';
import { addNotify } from './commands/notify.ts';
import { prepare } from './commands/prepare.ts';
import { promote } from './commands/promote.ts';
import { addQueries } from './commands/queries.ts';
import { redeploy } from './commands/redeploy.ts';
import { addReject } from './commands/reject.ts';
import { addReport } from './commands/report.ts';
import { retrain } from './commands/retrain.ts';
import { rollback } from './commands/rollback.ts';
import { addSchedules } from './commands/schedules.ts';
import { search } from './commands/search.ts';
import { addStatus } from './commands/status.ts';
import { addSteward } from './commands/steward.ts';
import { train } from './commands/train.ts';
import { helpEnd, PROGRAM_HELP } from './help.ts';
import { addStartCommand } from './startCommand.ts';

/** The whole command line. */
export function buildProgram(cli: Cli): Command {
  const { stdout, stderr } = cli.io;
  const program = new Command('mediwatch')
    .description(packageJson.description)
    .version(packageJson.version)
    .option('--json', 'print JSON on stdout, and messages on stderr')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // The help of a command that has others under it and was typed without one: that is no error.
      writeErr: (text) => (cli.json ? stderr : stdout).write(text),
      // It is told with what to type instead, once all of it is known.
      outputError: () => undefined,
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    })
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', PROGRAM_HELP)
    .addHelpText('afterAll', ({ command }) => helpEnd(command));

  program.commandsGroup('Your own project:');
  addInit(program, cli);
  addCheck(program, cli);
  program.commandsGroup('The whole chain:');
  addStartCommand(program, cli, retrain);
  program.commandsGroup('Single stages:');
  for (const spec of [prepare, search, train]) addStartCommand(program, cli, spec);
  program.commandsGroup('Changes of production:');
  for (const spec of [promote, rollback, redeploy, build]) addStartCommand(program, cli, spec);
  addApprove(program, cli);
  addReject(program, cli);
  program.commandsGroup('Drift:');
  addDrift(program, cli);
  addAlert(program, cli);
  addSteward(program, cli);
  program.commandsGroup('Schedules:');
  addSchedules(program, cli);
  program.commandsGroup('Looking and stopping:');
  addStatus(program, cli);
  addFollow(program, cli);
  addLogs(program, cli);
  addHistory(program, cli);
  addCompare(program, cli);
  addReport(program, cli);
  addQueries(program, cli);
  addDoctor(program, cli);
  addNotify(program, cli);
  addCancel(program, cli);
  program.commandsGroup('This command:');
  addCompletion(program, cli);
  addHelp(program);
  return program;
}
