import { z } from 'zod';
import { hasCode, MlflowError, orUndefined } from './errors.ts';
import type { CallOptions, Transport } from './transport.ts';

const ExperimentAnswer = z.object({
  experiment: z.object({ experiment_id: z.string(), lifecycle_stage: z.string().default('active') }),
});

const ExperimentPage = z.object({
  experiments: z.array(z.object({ experiment_id: z.string() })).default([]),
  next_page_token: z.string().optional(),
});

/** Calls about experiments. */
export function experimentCalls(transport: Transport) {
  /** The id of the experiment of this name; undefined when there is none. */
  async function findExperiment(name: string, { signal }: CallOptions = {}): Promise<string | undefined> {
    const call = {
      method: 'GET',
      path: '/api/2.0/mlflow/experiments/get-by-name',
      query: { experiment_name: name },
    } as const;
    const found = await orUndefined(transport.json({ ...call, signal }, ExperimentAnswer));
    if (!found) return undefined;
    const { experiment_id: id, lifecycle_stage: stage } = found.experiment;
    if (stage !== 'deleted') return id;
    throw new MlflowError(
      `The experiment "${name}" is deleted. Restore it (mlflow experiments restore --experiment-id ${id}), ` +
        'or name another in mlflow.experiment.',
      { code: 'EXPERIMENT_DELETED', retryable: false },
    );
  }

  async function create(name: string, { signal }: CallOptions): Promise<string> {
    const call = { method: 'POST', path: '/api/2.0/mlflow/experiments/create', json: { name }, signal } as const;
    const answer = await transport.json(call, z.object({ experiment_id: z.string() }));
    return answer.experiment_id;
  }

  return {
    findExperiment,

    /** The ids of all experiments that are not deleted. */
    async experimentIds({ signal }: CallOptions = {}): Promise<string[]> {
      const ids: string[] = [];
      let token: string | undefined;
      do {
        const json = { max_results: 1_000, view_type: 'ACTIVE_ONLY', ...(token && { page_token: token }) };
        const call = { method: 'POST', path: '/api/2.0/mlflow/experiments/search', json, idempotent: true } as const;
        const page = await transport.json({ ...call, signal }, ExperimentPage);
        ids.push(...page.experiments.map((experiment) => experiment.experiment_id));
        token = page.next_page_token;
      } while (token);
      return ids;
    },

    /**
     * The id of the experiment of this name, which is made when there is none; safe when several do it at once.
     *
     * @throws {MlflowError} when the experiment is deleted, with the way to restore it
     */
    async ensureExperiment(name: string, options: CallOptions = {}): Promise<string> {
      const existing = await findExperiment(name, options);
      if (existing !== undefined) return existing;
      try {
        return await create(name, options);
      } catch (error) {
        if (!hasCode(error, 'RESOURCE_ALREADY_EXISTS')) throw error;
        const made = await findExperiment(name, options);
        if (made === undefined) throw error;
        return made;
      }
    },
  };
}
