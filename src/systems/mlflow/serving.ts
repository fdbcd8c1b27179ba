import { z } from 'zod';
import type { RegistryStage } from '../../contracts/registry.ts';
import { MlflowError } from './errors.ts';
import { type ModelVersion, Nothing, VersionShape } from './shapes.ts';
import type { CallOptions, Transport } from './transport.ts';

const VersionAnswer = z.object({ model_version: VersionShape });
const API = '/api/2.0/mlflow';

/** Calls that say which version serves: stages and aliases. Each sets a state, so repeating one changes nothing. */
export function servingCalls(transport: Transport) {
  return {
    /**
     * Moves a version to a stage.
     *
     * @param options.archiveExisting moves what is in that stage to Archived in the same transaction (Production and
     *   Staging only)
     */
    async transitionStage(
      name: string,
      version: string,
      stage: RegistryStage,
      { archiveExisting = false, signal }: CallOptions & { archiveExisting?: boolean } = {},
    ): Promise<void> {
      const json = { name, version, stage, archive_existing_versions: archiveExisting };
      await transport.json(
        { method: 'POST', path: `${API}/model-versions/transition-stage`, json, signal },
        VersionAnswer,
      );
    },

    async setAlias(name: string, alias: string, version: string, { signal }: CallOptions = {}): Promise<void> {
      const json = { name, alias, version };
      await transport.json({ method: 'POST', path: `${API}/registered-models/alias`, json, signal }, Nothing);
    },

    /** Removes the alias; one that the model does not have is no error. */
    async deleteAlias(name: string, alias: string, { signal }: CallOptions = {}): Promise<void> {
      const json = { name, alias };
      await transport.json({ method: 'DELETE', path: `${API}/registered-models/alias`, json, signal }, Nothing);
    },

    /** The version that has the alias; undefined when none has. */
    async getByAlias(name: string, alias: string, { signal }: CallOptions = {}): Promise<ModelVersion | undefined> {
      const call = { method: 'GET', path: `${API}/registered-models/alias`, query: { name, alias }, signal } as const;
      try {
        return (await transport.json(call, VersionAnswer)).model_version;
      } catch (error) {
        // An unknown alias is an invalid parameter to MLflow, an unknown model a missing resource.
        if (error instanceof MlflowError && /\bnot found\b/i.test(error.message) && !error.retryable) return undefined;
        throw error;
      }
    },
  };
}
