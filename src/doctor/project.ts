import { isDeepStrictEqual } from 'node:util';
import { CronExpressionParser } from 'cron-parser';
import { secretVariables, unknownVariables } from '../config/environment.ts';
import { placeless } from '../config/problems.ts';
import { type Config, ConfigError, forModel, type Located, loadLocated, modelNames } from '../config.ts';
import type { ScheduleDeclaration } from '../contracts/schedules.ts';
import { type Path, pathText, valueAt } from '../contracts/schemas.ts';
import { suspicionOf } from '../domain/metricNames.ts';
import { type DeclaredSchedule, declaredSchedules, problemsOf } from '../systems/schedules/declared.ts';
import { skippedTimes } from '../systems/schedules/skipped.ts';
import { type Finding, finding } from '../words/findings.ts';
import { examineCommands } from './commands.ts';
import { type Environment, openContext } from './context.ts';
import { dataCheck } from './data.ts';
import { readData } from './dataValues.ts';
import { mlflowCheck } from './mlflow.ts';
import { type PlannedStage, planOf, stagesOf } from './plan.ts';
import { isHealthy } from './report.ts';
import { type Check, type PlacedFinding, type ReportedFinding, reported, runChecks } from './run.ts';
import { temporalCheck } from './temporal.ts';
import { examineTexts } from './texts.ts';
import { secretsOf, weakCheck } from './weak.ts';

/** A person waits for the answers (ms), of which reading the data takes longest. */
const LIMIT_MS = 20_000;

/** A schedule as it is declared, whether or not Temporal has it. */
export interface PlannedSchedule {
  name: string;
  workflow: string;
  registeredModel: string;
  wanted: DeclaredSchedule['wanted'];
  paused: boolean;
  /** The next starts, ISO 8601, without jitter; none while it is paused. */
  next: string[];
}

export interface ProjectReport {
  /** Whether nothing is wrong; warnings are allowed. */
  usable: boolean;
  /** The file that was read; null when there is none. */
  file: string | null;
  findings: ReportedFinding[];
  /** What would be run; empty when the file cannot be used. */
  models: Array<{ registeredModel: string; stages: PlannedStage[] }>;
  schedules: PlannedSchedule[];
}

interface World {
  env: Environment;
  cwd: string;
  signal: AbortSignal;
  /** Whether Temporal, MLflow and Docker are left alone. */
  offline: boolean;
}

/** Looks at the settings and at everything that they name, and plans a retrain. It starts nothing and changes nothing. */
export async function examineProject({ env, cwd, signal, offline }: World): Promise<ProjectReport> {
  let located: Located;
  try {
    located = loadLocated(env, cwd);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.problems.length === 0) throw error;
    const findings = error.problems.map(({ message, ...place }) =>
      reported({ name: 'Settings' }, { ...finding('settingWrong', { message }), place }),
    );
    const file = error.problems.find((one) => one.file !== null)?.file ?? null;
    return { usable: false, file, findings, models: [], schedules: [] };
  }
  const { config, file } = located;
  const checks: Check[] = [
    { name: 'Settings', run: async () => examineTexts(located.settings) },
    { name: 'Commands', run: () => examineCommands(config, { env, file, offline }) },
    { name: 'Data', run: () => examineData(config, env, signal) },
    { name: 'Schedules', run: async () => [...wrongSchedules(config), ...skippingSchedules(config)] },
    { name: 'Scores', run: async () => doubtfulDirections(config) },
    { name: 'Security', run: async (context) => [...(await weakCheck.run(context)), ...secretsInFile(located)] },
    { name: 'Variables', run: async () => examineVariables(config, env) },
    // A server that is not there yet is no fault of the settings.
    ...(offline ? [] : [temporalCheck, mlflowCheck].map((check): Check => ({ ...check, isAdvice: true }))),
  ];
  const context = openContext(config, env, signal);
  try {
    const reports = await runChecks(checks, context, { limitMs: LIMIT_MS });
    const findings = inOrder(
      withoutRepeats(reports.flatMap((report) => report.findings.map((one) => placed(one, located)))),
    );
    const models = modelNames(config).map((registeredModel) => {
      return { registeredModel, stages: stagesOf(config, planOf(config, { registeredModel })) };
    });
    return { usable: isHealthy(findings), file, findings, models, schedules: plannedSchedules(config) };
  } finally {
    await context.close();
  }
}

/** The place in the file of the setting that a finding is about. */
function placed(one: ReportedFinding, { placeOf }: Located): ReportedFinding {
  return one.setting ? { ...one, place: { ...placeOf(one.setting), path: pathText(one.setting) } } : one;
}

/** What is wrong comes first, in the order of the file; then what is only warned of. */
function inOrder(findings: readonly ReportedFinding[]): ReportedFinding[] {
  const rank = { problem: 0, warning: 1e9, ok: 2e9, skipped: 2e9 };
  const order = ({ severity, place }: ReportedFinding) => rank[severity] + (place?.line ?? 1e8);
  return findings.toSorted((a, b) => order(a) - order(b));
}

/** Several models share steps: a fault of one is reported once. */
function withoutRepeats(findings: readonly ReportedFinding[]): ReportedFinding[] {
  const key = ({ check, place, code, facts }: ReportedFinding) => JSON.stringify([check, place, code, facts]);
  return [...new Map(findings.map((one) => [key(one), one])).values()];
}

/** The data of each model: a table with the columns that the settings name, or what the project's own step reads. */
async function examineData(config: Config, env: Environment, signal: AbortSignal): Promise<Finding[]> {
  const found = await Promise.all(
    modelNames(config).map(async (name) => {
      const own = forModel(config, name);
      const columns = await dataCheck.run(openContext(own, env, signal));
      const { command, skip } = own.steps.prepare;
      const isOurs = !command && !skip;
      const fits = columns.every(
        ({ code }) => code === 'dataFits' || code === 'columnUnknown' || (isOurs && code === 'dataThere'),
      );
      const findings = [...columns, ...(fits && columns.length > 0 ? await readData(own) : [])];
      return findings.map((one): Finding => {
        const { setting = ['data', 'path'] } = one;
        const section = setting.slice(0, 2);
        const isCommon = isDeepStrictEqual(valueAt(own, section), valueAt(config, section));
        return { ...one, setting: isCommon ? setting : ['models', name, ...setting] };
      });
    }),
  );
  return found.flat();
}

/** Variables that look like settings and are none, and secrets that notifications name and nobody has set. */
function examineVariables({ notifications }: Config, env: Environment): PlacedFinding[] {
  const named = secretVariables(notifications);
  const unset = [...new Set(named)].filter((name) => !env[name]);
  return [
    ...unknownVariables(env, named).map(({ message, ...place }) => ({
      ...finding('variableUnknown', { message }),
      place,
    })),
    ...unset.map((variable) => ({ ...finding('secretUnset', {}), place: { ...placeless(null), variable, path: '' } })),
  ];
}

function secretsInFile({ config, placeOf }: Located): Finding[] {
  return secretsOf(config)
    .filter(({ path }) => placeOf(path).file !== null)
    .map(({ path }) => finding('secretInFile', {}, path));
}

function wrongSchedules({ schedules }: Config): Finding[] {
  return Object.entries(schedules).flatMap(([name, declaration]) =>
    problemsOf(declaration).map(([key, message]) =>
      finding('settingWrong', { message }, ['schedules', name, ...key.split('.')]),
    ),
  );
}

/** Metrics whose names do not fit the direction in which they are compared. */
function doubtfulDirections(config: Config): Finding[] {
  return modelNames(config).flatMap((name) => {
    const { search, promotion } = forModel(config, name);
    const ofModel = (section: 'search' | 'promotion') =>
      isDeepStrictEqual(valueAt(forModel(config, name), [section]), valueAt(config, [section])) ? [] : ['models', name];
    const doubt = (metric: string, direction: 'maximize' | 'minimize', setting: Path): Finding[] => {
      const suspicion = suspicionOf(metric, direction);
      return suspicion
        ? [finding('directionDoubtful', { metric, suspicion, setting: pathText(setting) }, setting)]
        : [];
    };
    return [
      ...doubt(search.metric, search.direction, [...ofModel('search'), 'search', 'direction']),
      ...(promotion.rules ?? []).flatMap(({ metric, direction }, index) =>
        doubt(metric, direction === 'lower' ? 'minimize' : 'maximize', [
          ...ofModel('promotion'),
          ...['promotion', 'rules', index, 'direction'],
        ]),
      ),
    ];
  });
}

/** Those whose time does not exist on some day. */
function skippingSchedules({ schedules }: Config): Finding[] {
  return Object.entries(schedules).flatMap(([name, declaration]) => {
    const { cron, timeZone } = declaration;
    if (cron === undefined || problemsOf(declaration).length > 0) return [];
    const times = skippedTimes(cron, timeZone);
    return times.length > 0 ? [finding('scheduleSkips', { name, times, timeZone }, ['schedules', name, 'cron'])] : [];
  });
}

function plannedSchedules(config: Config): PlannedSchedule[] {
  if (wrongSchedules(config).length > 0) return [];
  return declaredSchedules(config.schedules).map(({ name, wanted }) => {
    const declaration = config.schedules[name] as ScheduleDeclaration;
    const { workflow, input, paused } = declaration;
    const registeredModel = String(input.registeredModel ?? config.registry.registeredModel);
    const next = paused ? [] : nextStarts(declaration, new Date()).map((time) => time.toISOString());
    return { name, workflow, registeredModel, wanted, paused, next };
  });
}

const SHOWN = 3;

/** Intervals are counted from 1970 on, as Temporal does. */
function nextStarts({ cron, every = 60, timeZone }: ScheduleDeclaration, now: Date): Date[] {
  if (cron !== undefined) {
    const times = CronExpressionParser.parse(cron, { tz: timeZone, currentDate: now });
    return times.take(SHOWN).map((time) => time.toDate());
  }
  const ms = every * 1000;
  const first = Math.ceil((now.getTime() + 1) / ms) * ms;
  return Array.from({ length: SHOWN }, (_, index) => new Date(first + index * ms));
}
