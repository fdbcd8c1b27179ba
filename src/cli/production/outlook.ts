import type { Config } from '../../config.ts';
import { type ApiState, apiState } from '../status/api.ts';
import { listedVersions, type VersionState } from '../status/registry.ts';

/** How Production stands before something changes it. */
export interface Outlook {
  registeredModel: string;
  /** The newest first; null: MLflow does not answer. */
  versions: VersionState[] | null;
  /** Null: of several models, this one has no API. */
  api: ApiState | null;
}

/** Looks how Production of a model stands. Never throws: who asks goes on without what cannot be known. */
export async function outlook(config: Config): Promise<Outlook> {
  const hasApi = config.deployment.target !== 'none';
  const [versions, api] = await Promise.all([
    listedVersions(config).catch(() => null),
    hasApi ? apiState(config) : null,
  ]);
  return { registeredModel: config.registry.registeredModel, versions, api };
}
