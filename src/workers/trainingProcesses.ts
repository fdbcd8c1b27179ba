import { join } from 'node:path';
import { BUNDLED_PYTHON, type Config, fromRoot, PYTHON_ROOT } from '../config.ts';
import { sha256OfFolder } from '../systems/digests.ts';
import { mlflowVariables } from '../systems/mlflow/variables.ts';
import { environmentOf } from '../systems/processes/environment.ts';
import { createPool } from '../systems/processes/pool.ts';
import { createReaper } from '../systems/processes/reaper.ts';
import { createStepRunner, type StepRunner } from '../systems/steps/index.ts';
import { removeStaleWork } from '../systems/steps/place.ts';

export interface TrainingProcesses {
  runner: StepRunner;
  /** Digest of the bundled Python package. */
  codeDigest: string;
  close(): Promise<void>;
}

/** A fit takes every core for as long as it lasts; the API, the servers and proposals need one for milliseconds. */
const NICENESS = 10;

/** Starts the warm Python processes of a training worker, and what guards them. */
export async function createTrainingProcesses(config: Config): Promise<TrainingProcesses> {
  const { slots, memoryLimitMb, python } = config.worker;
  const reaper = await createReaper({ graceMs: 2000 });
  const shared = {
    command: [python || BUNDLED_PYTHON, '-m', 'mediwatch_training.pool'],
    cwd: config.root,
    env: poolEnvironment(config),
    memoryLimitMb,
    reaper,
  };
  const log = (name: string) => join(fromRoot(config, config.stack.dir), 'logs', `${name}.log`);
  const pool = createPool({
    ...shared,
    size: slots,
    logFile: log('python'),
    warm: ['sklearn', 'mlflow'],
    niceness: NICENESS,
  });
  const proposer = createPool({ ...shared, size: 1, logFile: log('python-proposer'), warm: ['optuna'] });
  await removeStaleWork(config);
  const runner = await createStepRunner({ config, reaper, pool, proposer });
  return {
    runner,
    codeDigest: await sha256OfFolder(join(PYTHON_ROOT, 'mediwatch_training'), '.py'),
    async close() {
      await Promise.all([pool.close(), proposer.close(), runner.close()]);
      await reaper.close();
    },
  };
}

export function poolEnvironment(config: Config): Record<string, string> {
  return {
    ...environmentOf(['network', 'computing', 'mlflow'], passedToPool(config)),
    ...mlflowVariables(config),
    PYTHONPATH: PYTHON_ROOT,
    PYTHONUNBUFFERED: '1',
    // Threads that wait in a loop slow down everything else on a busy host, and themselves most of all.
    OMP_WAIT_POLICY: 'PASSIVE',
  };
}

/** The bundled steps, of all models, share their processes. */
function passedToPool(config: Config): string[] {
  const steps = [config, ...Object.values(config.models)].flatMap((settings) => Object.values(settings.steps));
  return steps.flatMap(({ command, passEnv }) => (command ? [] : passEnv));
}
