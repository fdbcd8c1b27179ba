import { ConfigError, type Located, loadLocated } from '../../config.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { examineCommands } from './commands.ts';
import { type PlannedStage, plansOf, stagesOf } from './plan.ts';
import { asProblem, inOrder, type Remark, withoutRepeats } from './remark.ts';
import { examineSchedules, type PlannedSchedule } from './schedules.ts';
import { examineData, examineServers, examineVariables, type Server } from './surroundings.ts';
import { reportLines } from './text.ts';

export interface PlannedModel {
  registeredModel: string;
  stages: PlannedStage[];
}

export interface Report {
  /** Whether nothing is wrong; warnings are allowed. */
  usable: boolean;
  /** The file that was read; null when there is none. */
  file: string | null;
  remarks: Remark[];
  /** What would be run; empty when the file cannot be used. */
  models: PlannedModel[];
  schedules: PlannedSchedule[];
  servers: Server[];
}

/**
 * Looks at the settings and at everything that they name, tells what would be run, and sets the exit code: 2 when
 * something is wrong. It starts nothing and changes nothing.
 *
 * @param options.offline whether Temporal, MLflow and Docker are left alone
 * @throws {CommandError} when the reader interrupts
 */
export async function checkProject(cli: Cli, options: { offline: boolean }): Promise<void> {
  const { io } = cli;
  const report = await examine(cli, options);
  if (io.interrupted.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted. Nothing was changed.');
  cli.exitCode = report.usable ? EXIT.done : EXIT.usage;
  cli.emit(report);
  if (!cli.json) for (const line of reportLines(report, io.cwd, cli.style)) cli.say(line);
}

async function examine({ io }: Cli, { offline }: { offline: boolean }): Promise<Report> {
  let located: Located;
  try {
    located = loadLocated(io.env, io.cwd);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.problems.length === 0) throw error;
    const remarks = error.problems.map(asProblem);
    const file = remarks.find((one) => one.file !== null)?.file ?? null;
    return { usable: false, file, remarks, models: [], schedules: [], servers: [] };
  }
  const { config, file } = located;
  const plans = await plansOf(config);
  const [commands, data, reached] = await Promise.all([
    examineCommands(located, plans, { io, offline }),
    examineData(located, io),
    offline ? { servers: [], remarks: [] } : examineServers(config, io),
  ]);
  const { schedules, remarks: ofSchedules } = examineSchedules(located);
  const remarks = inOrder(
    withoutRepeats([...commands, ...data, ...ofSchedules, ...examineVariables(located, io), ...reached.remarks]),
  );
  return {
    usable: remarks.every(({ level }) => level !== 'problem'),
    file,
    remarks,
    models: plans.map((plan) => ({ registeredModel: plan.registeredModel, stages: stagesOf(config, plan) })),
    schedules,
    servers: reached.servers,
  };
}
