import type { Config } from '../../config.ts';
import { TAGS } from '../../contracts/names.ts';
import { parseJson } from '../../contracts/text.ts';
import type { Metrics, Params } from '../../contracts/training.ts';
import type { Mlflow, Run } from '../../systems/mlflow/index.ts';

/** The MLflow run that is opened for a command, before it starts. */
interface Wanted {
  mlflow: Mlflow;
  config: Config;
  /** Names the step: a retry finds the run by it. */
  key: string;
  name: string;
  parentRunId: string;
  tags: Record<string, string>;
  signal: AbortSignal;
  /** Puts away what an attempt left that did not finish; by default its run is deleted. */
  discard?: (run: Run) => Promise<void>;
  /** Goes on with the run of such an attempt instead. */
  resume?: boolean;
}

interface Values {
  params: Params;
  metrics: Metrics;
  tags?: Record<string, string>;
}

interface StepRun {
  /** What came of an earlier attempt that finished, though nobody was told. */
  finished: { run: Run; outcome: unknown } | null;
  /** The run of an earlier attempt, however far that came. */
  earlier: Run | undefined;
  /** Takes the earlier attempt's run for this one's: it turned out to be complete. */
  adopt(): void;
  /** Makes the run; called when the command may start. */
  open(): Promise<Run>;
  /** Keeps the outcome on the run, so that it is found again, and ends the run. */
  close(outcome: object, values: Values, status?: 'FINISHED' | 'KILLED'): Promise<void>;
  /** Ends the run of a command that failed or was stopped. */
  fail(): Promise<void>;
}

/**
 * Key of the run that is opened for a command. A workflow that does nothing but this step gives its own run the key of
 * the step, `…/train`; in one name space a retry would remove that run as what an earlier attempt left.
 */
const runKey = (step: string) => `step:${step}`;

export async function prepareStepRun(wanted: Wanted): Promise<StepRun> {
  const { mlflow, config, name, parentRunId, signal } = wanted;
  const key = runKey(wanted.key);
  const experimentId = await mlflow.ensureExperiment(config.mlflow.experiment, { signal });
  const earlier = await mlflow.findRunByTag(experimentId, TAGS.key, key, { signal });
  const outcome = parseJson(earlier?.tags[TAGS.outcome]);
  let run: Run | undefined;

  return {
    finished: earlier && outcome !== undefined ? { run: earlier, outcome } : null,
    earlier,
    adopt() {
      run = earlier;
    },
    async open() {
      if (earlier && wanted.resume) {
        await mlflow.updateRun(earlier.runId, { status: 'RUNNING' });
        run = earlier;
        return run;
      }
      if (earlier) {
        await wanted.discard?.(earlier);
        await mlflow.deleteRun(earlier.runId);
      }
      const tags = { ...wanted.tags, [TAGS.key]: key };
      run = await mlflow.createRun({ experimentId, name, parentRunId, tags }, { signal });
      return run;
    },
    async close(result, { params, metrics, tags }, status = 'FINISHED') {
      if (!run) return;
      const there = (await mlflow.getRun(run.runId, { signal })) ?? run;
      await mlflow.logBatch(run.runId, {
        // Parameters that the script has logged itself cannot be changed.
        params: without(params, there.params),
        metrics: changed(metrics, there.metrics),
        tags: { ...tags, [TAGS.outcome]: JSON.stringify(result) },
      });
      await mlflow.updateRun(run.runId, { status, endTime: Date.now() });
    },
    async fail() {
      if (!run) return;
      const status = signal.aborted ? 'KILLED' : 'FAILED';
      await mlflow.updateRun(run.runId, { status, endTime: Date.now() }).catch(() => undefined);
    },
  };
}

/** Runs the body; when it throws, the run of the command is ended as failed or killed. */
export async function orFail<Result>(stepRun: StepRun, body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    await stepRun.fail();
    throw error;
  }
}

/** Those that a run does not have with this value. */
export function changed(metrics: Metrics, known: Metrics): Metrics {
  return Object.fromEntries(Object.entries(metrics).filter(([name, value]) => known[name] !== value));
}

function without<Value>(values: Record<string, Value>, known: object): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !Object.hasOwn(known, name)));
}
