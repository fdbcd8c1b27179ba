import { type Config, forModel, modelNames } from '../../config.ts';
import { FAILURES } from '../../contracts/errors.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { type Session, withSession } from '../session.ts';
import { askSteward, type StewardAnswer } from '../steward/ask.ts';
import { type ApiState, apiState } from './api.ts';
import { type ExecutionState, listExecutions } from './executions.ts';
import { type LockState, lockState } from './lock.ts';
import { type RegistryState, registryState } from './registry.ts';
import { type NextStart, nextStarts } from './schedules.ts';

/** Where a model stands; what could not be asked is null. */
export interface ModelState {
  registeredModel: string;
  registry: RegistryState | null;
  /** Null: of several models, this one has no API. */
  api: ApiState | null;
  /** Whether the API serves what is in Production; null when that cannot be told. */
  agrees: boolean | null;
  /** The holder of the model's lock first, then who waits for it. */
  lock: LockState[] | null;
  /** Who takes the model's drift alerts, and what it is doing. */
  steward: StewardAnswer | null;
}

/** Where everything stands; `problems` says why something could not be asked. */
export interface Overview extends ModelState {
  /** The other models of the deployment. */
  others: ModelState[];
  running: ExecutionState[] | null;
  recent: ExecutionState[] | null;
  /** When each schedule starts next. */
  schedules: NextStart[] | null;
  problems: string[];
}

/** Asks MLflow, the API and Temporal at once, and sets the exit code when one that is needed does not answer. */
export async function gatherOverview(cli: Cli): Promise<Overview> {
  const config = cli.config();
  const problems: string[] = [];
  const orNull = async <Value>(asked: Promise<Value>): Promise<Value | null> => {
    try {
      return await asked;
    } catch (error) {
      const { MlflowError } = await import('../../systems/mlflow/errors.ts');
      if (!(error instanceof CommandError || error instanceof MlflowError)) throw error;
      problems.push(
        error instanceof CommandError ? error.message : `${error.message} ${FAILURES.MlflowUnavailable.next}`,
      );
      cli.exitCode = error instanceof CommandError ? error.exitCode : EXIT.unreachable;
      return null;
    }
  };
  const configs = modelNames(config).map((name) => forModel(config, name));
  const temporal = orNull(withSession(cli, (session) => ofTemporal(session, configs)));
  const models = await Promise.all(
    configs.map(async (own, index): Promise<ModelState> => {
      const hasApi = configs.length === 1 || own.deployment.target !== 'none';
      const api = hasApi ? apiState(own) : null;
      const [registry, serves, asked] = await Promise.all([orNull(registryState(own)), api, temporal]);
      const { registeredModel } = own.registry;
      const { lock = null, steward = null } = asked?.models[index] ?? {};
      return { registeredModel, registry, api: serves, agrees: agreement(registry, serves), lock, steward };
    }),
  );
  const { running = null, recent = null, schedules = null } = (await temporal) ?? {};
  const [first, ...others] = models as [ModelState, ...ModelState[]];
  // What is not there for one model is not there for the others.
  return { ...first, others, running, recent, schedules, problems: [...new Set(problems)] };
}

/** All that Temporal knows, over one connection. */
async function ofTemporal(session: Session, configs: readonly Config[]) {
  const [executions, schedules, models] = await Promise.all([
    listExecutions(session),
    nextStarts(session),
    Promise.all(
      configs.map(async (config) => {
        const [lock, steward] = await Promise.all([
          lockState({ ...session, config }),
          askSteward(session, config.registry.registeredModel),
        ]);
        return { lock, steward };
      }),
    ),
  ]);
  return { ...executions, schedules, models };
}

function agreement(registry: RegistryState | null, api: ApiState | null): boolean | null {
  const serves = api?.version ?? null;
  return registry?.production && serves !== null ? registry.production.version === serves : null;
}
