import { z } from 'zod';
import { MlflowError } from './errors.ts';
import { quoted } from './filter.ts';
import type { CallOptions, Transport } from './transport.ts';

const ModelPage = z.object({
  models: z
    .array(
      z.object({
        info: z.object({
          model_id: z.string(),
          name: z.string().default(''),
          status: z.union([z.string(), z.number()]).default(''),
          creation_timestamp_ms: z.coerce.number().default(0),
        }),
      }),
    )
    .default([]),
  next_page_token: z.string().optional(),
});

/** A model that a run logged, as MLflow 3 keeps it: not yet a version of a registered model. */
interface LoggedModel {
  modelId: string;
  name: string;
  ready: boolean;
  /** Unix time (ms). */
  createdAt: number;
}

/** Calls about logged models. */
export function loggedModelCalls(transport: Transport) {
  return {
    /** The models that a run logged, newest first; none on a server before MLflow 3, where they are files of the run. */
    async loggedModels(
      { experimentId, runId }: { experimentId: string; runId: string },
      { signal }: CallOptions = {},
    ): Promise<LoggedModel[]> {
      const json = { experiment_ids: [experimentId], filter: `source_run_id = ${quoted(runId)}`, max_results: 50 };
      const path = '/api/2.0/mlflow/logged-models/search';
      const call = { method: 'POST', path, json, idempotent: true, signal } as const;
      const page = await transport.json(call, ModelPage).catch((error: unknown) => {
        const isUnknown = error instanceof MlflowError && (error.status === 404 || error.status === 405);
        if (isUnknown) return { models: [] };
        throw error;
      });
      return page.models
        .map(({ info }) => ({
          modelId: info.model_id,
          name: info.name,
          ready: /READY$/.test(String(info.status)) || info.status === 2,
          createdAt: info.creation_timestamp_ms,
        }))
        .sort((a, b) => b.createdAt - a.createdAt);
    },
  };
}
