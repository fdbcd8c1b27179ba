import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { printable } from '../config/printable.ts';
import type { Cli } from './cli.ts';
import { addAudit } from './commands/audit.ts';
import { addAlert, addDrift } from './commands/drift.ts';
import { addAirflowTask, addCheck, addDoctor, addInit, addNotify, addTry } from './commands/project.ts';
import { addSchedules } from './commands/schedules.ts';
import { addCompletion, addHelp } from './commands/self.ts';
import { addStartCommand, CHANGES, COMPUTATIONS, RETRAIN } from './commands/start.ts';
import { addSteward } from './commands/steward.ts';
import { addCompare, addHistory, addReport } from './commands/versions.ts';
import { addCancel, addDecisions, addFollow, addLogs, addQueries, addStatus } from './commands/workflows.ts';
import { helpEnd, PROGRAM_HELP } from './help.ts';

/** The whole command line. */
export function buildProgram(cli: Cli): Command {
  const { stdout, stderr } = cli.io;
  const program = new Command('mediwatch')
    .description(packageJson.description)
    .version(packageJson.version)
    .option('--json', 'print JSON on stdout, and messages on stderr')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(printable(text)),
      // The help of a command that has others under it and was typed without one: that is no error.
      writeErr: (text) => (cli.json ? stderr : stdout).write(printable(text)),
      // It is said with what to type instead, once all of it is known.
      outputError: () => undefined,
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    })
    .showSuggestionAfterError(false)
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', PROGRAM_HELP)
    .addHelpText('afterAll', ({ command }) => helpEnd(command));

  program.commandsGroup('Your own project:');
  addInit(program, cli);
  addCheck(program, cli);
  addTry(program, cli);
  addAirflowTask(program, cli);
  program.commandsGroup('The whole chain:');
  addStartCommand(program, cli, RETRAIN);
  program.commandsGroup('Single stages:');
  for (const spec of COMPUTATIONS) addStartCommand(program, cli, spec);
  program.commandsGroup('Changes of production:');
  for (const spec of CHANGES) addStartCommand(program, cli, spec);
  addDecisions(program, cli);
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
  addAudit(program, cli);
  addCompare(program, cli);
  addReport(program, cli);
  addQueries(program, cli);
  addDoctor(program, cli);
  addNotify(program, cli);
  addCancel(program, cli);
  program.commandsGroup('This command:');
  addCompletion(program, cli);
  addHelp(program, cli);
  return program;
}
