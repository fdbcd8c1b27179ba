import { FAILURES } from '../../contracts/errors.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { withSession } from '../session.ts';
import { askSteward, type StewardAnswer } from '../steward/ask.ts';
import { type ApiState, apiState } from './api.ts';
import { type ExecutionState, listExecutions } from './executions.ts';
import { type LockState, lockState } from './lock.ts';
import { type RegistryState, registryState } from './registry.ts';
import { type NextStart, nextStarts } from './schedules.ts';

/** Where everything stands; what could not be asked is null, and `problems` says why. */
export interface Overview {
  registeredModel: string;
  registry: RegistryState | null;
  api: ApiState;
  /** Whether the API serves what is in Production; null when that cannot be told. */
  agrees: boolean | null;
  running: ExecutionState[] | null;
  recent: ExecutionState[] | null;
  /** The holder of the model's lock first, then who waits for it. */
  lock: LockState[] | null;
  /** Who takes the model's drift alerts, and what it is doing. */
  steward: StewardAnswer | null;
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
  const [registry, api, temporal] = await Promise.all([
    orNull(registryState(config)),
    apiState(config),
    orNull(
      withSession(cli, async (session) => {
        const [executions, lock, steward, schedules] = await Promise.all([
          listExecutions(session),
          lockState(session),
          askSteward(session, config.registry.registeredModel),
          nextStarts(session),
        ]);
        return { ...executions, lock, steward, schedules };
      }),
    ),
  ]);
  const { registeredModel } = config.registry;
  const { running = null, recent = null, lock = null, steward = null, schedules = null } = temporal ?? {};
  return {
    registeredModel,
    registry,
    api,
    agrees: agreement(registry, api),
    running,
    recent,
    lock,
    steward,
    schedules,
    problems,
  };
}

function agreement(registry: RegistryState | null, { version }: ApiState): boolean | null {
  return registry?.production && version !== null ? registry.production.version === version : null;
}
