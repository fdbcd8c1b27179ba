import { z } from 'zod';
import { type RunValues, TAG_LENGTH, toBatches } from './batches.ts';
import { orUndefined } from './errors.ts';
import { tagIs } from './filter.ts';
import { MetricValue, Nothing, type Run, RunShape, type RunStatus, time, toPairs } from './shapes.ts';
import type { CallOptions, Transport } from './transport.ts';

export interface NewRun {
  experimentId: string;
  name: string;
  tags?: Readonly<Record<string, string>>;
  parentRunId?: string | undefined;
  /** Unix time (ms; default now). */
  startTime?: number;
}

interface Order {
  /** Such as `metrics.validation_auc DESC`. */
  orderBy?: readonly string[];
}

interface RunSearch extends Order {
  /** Most runs to return (default 100). */
  maxResults?: number;
}

interface RunPages extends Order {
  /** Most runs of a page (default and limit 1,000). */
  pageSize?: number;
}

const RunAnswer = z.object({ run: RunShape });
const HistoryAnswer = z.object({
  metrics: z.array(z.object({ value: MetricValue, step: time.default(0), timestamp: time.default(0) })).default([]),
});
const RunPage = z.object({ runs: z.array(RunShape).default([]), next_page_token: z.string().optional() });
/** MLflow's own limit is 50,000; smaller pages answer in time. */
const PAGE_SIZE = 1_000;
const API = '/api/2.0/mlflow/runs';
const METRICS = '/api/2.0/mlflow/metrics';

export type RunCalls = ReturnType<typeof runCalls>;

/** Calls about runs. */
export function runCalls(transport: Transport) {
  const post = async (path: string, json: unknown, { signal }: CallOptions) =>
    await transport.json({ method: 'POST', path: `${API}/${path}`, json, signal }, Nothing);

  /** Runs that match the filter (MLflow's language), without deleted ones, page by page for as long as they are read. */
  async function* pagesOfRuns(
    experimentIds: string | readonly string[],
    filter: string,
    { pageSize = PAGE_SIZE, orderBy = [], signal }: RunPages & CallOptions = {},
  ): AsyncGenerator<Run[], void, void> {
    let token: string | undefined;
    do {
      const json = {
        experiment_ids: [experimentIds].flat(),
        filter,
        run_view_type: 'ACTIVE_ONLY',
        max_results: Math.min(PAGE_SIZE, pageSize),
        order_by: orderBy,
        ...(token && { page_token: token }),
      };
      const call = { method: 'POST', path: `${API}/search`, json, idempotent: true, signal } as const;
      const page = await transport.json(call, RunPage);
      yield page.runs;
      token = page.next_page_token;
    } while (token);
  }

  /** Runs that match the filter (MLflow's language), without deleted ones. */
  async function searchRuns(
    experimentIds: string | readonly string[],
    filter: string,
    { maxResults = 100, ...options }: RunSearch & CallOptions = {},
  ): Promise<Run[]> {
    const runs: Run[] = [];
    for await (const page of pagesOfRuns(experimentIds, filter, { pageSize: maxResults, ...options })) {
      runs.push(...page);
      if (runs.length >= maxResults) break;
    }
    return runs.slice(0, maxResults);
  }

  return {
    pagesOfRuns,
    searchRuns,

    async createRun(run: NewRun, { signal }: CallOptions = {}): Promise<Run> {
      const { experimentId, name, tags = {}, parentRunId, startTime = Date.now() } = run;
      const parent = parentRunId === undefined ? {} : { 'mlflow.parentRunId': parentRunId };
      const json = {
        experiment_id: experimentId,
        run_name: name,
        start_time: startTime,
        tags: toPairs({ ...tags, ...parent }).map(({ key, value }) => ({ key, value: value.slice(0, TAG_LENGTH) })),
      };
      const answer = await transport.json({ method: 'POST', path: `${API}/create`, json, signal }, RunAnswer);
      return answer.run;
    },

    /** The run, deleted or not; undefined when there was none of this id. */
    async getRun(runId: string, { signal }: CallOptions = {}): Promise<Run | undefined> {
      const call = { method: 'GET', path: `${API}/get`, query: { run_id: runId }, signal } as const;
      return (await orUndefined(transport.json(call, RunAnswer)))?.run;
    },

    /** Every value of a metric that the run has logged, by step and then by time; null for what is no finite number. */
    async metricHistory(runId: string, metric: string, { signal }: CallOptions = {}): Promise<(number | null)[]> {
      const query = { run_id: runId, metric_key: metric };
      const call = { method: 'GET', path: `${METRICS}/get-history`, query, signal } as const;
      const { metrics } = await transport.json(call, HistoryAnswer);
      return metrics.sort((a, b) => a.step - b.step || a.timestamp - b.timestamp).map(({ value }) => value);
    },

    /** The oldest run of the experiment whose tag has this value. */
    async findRunByTag(
      experimentId: string,
      key: string,
      value: string,
      options: CallOptions = {},
    ): Promise<Run | undefined> {
      const orderBy = ['attributes.start_time ASC'];
      return (await searchRuns(experimentId, tagIs(key, value), { maxResults: 1, orderBy, ...options }))[0];
    },

    /** Logs metrics, parameters and tags in as many requests as MLflow's limits ask for. */
    async logBatch(runId: string, values: RunValues, options: CallOptions = {}): Promise<void> {
      for (const batch of toBatches(values)) await post('log-batch', { run_id: runId, ...batch }, options);
    },

    /** Sets the status, and the end (Unix time, ms; default now) of a run that does not go on. */
    async updateRun(
      runId: string,
      update: { status: RunStatus; endTime?: number },
      options: CallOptions = {},
    ): Promise<void> {
      const { status, endTime = Date.now() } = update;
      const goesOn = status === 'RUNNING' || status === 'SCHEDULED';
      await post('update', { run_id: runId, status, ...(!goesOn && { end_time: endTime }) }, options);
    },

    /** Deletes the run; a run that does not exist is no error. MLflow keeps its data until `mlflow gc`. */
    async deleteRun(runId: string, options: CallOptions = {}): Promise<void> {
      await orUndefined(post('delete', { run_id: runId }, options));
    },
  };
}
