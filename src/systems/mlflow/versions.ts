import { z } from 'zod';
import { hasCode, orUndefined, required } from './errors.ts';
import { quoted, tagIs } from './filter.ts';
import type { RunCalls } from './runs.ts';
import { type ModelVersion, Nothing, toPairs, VersionShape } from './shapes.ts';
import type { CallOptions, Transport } from './transport.ts';

export interface NewVersion {
  name: string;
  /** Where the model lies: `models:/m-…` or `runs:/…/model`. */
  source: string;
  runId: string;
  /** Logged-model id of MLflow 3; read from `source` when that is `models:/m-…`. Older servers do not read it. */
  modelId?: string | null | undefined;
  tags?: Readonly<Record<string, string>>;
  description?: string | undefined;
}

const VersionAnswer = z.object({ model_version: VersionShape });
const VersionPage = z.object({
  model_versions: z.array(VersionShape).default([]),
  next_page_token: z.string().optional(),
});
const ModelAnswer = z.object({
  registered_model: z.object({
    aliases: z.array(z.object({ alias: z.string(), version: z.coerce.string() })).default([]),
    tags: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]),
  }),
});
const ModelPage = z.object({ registered_models: z.array(z.object({ name: z.string() })).default([]) });
const API = '/api/2.0/mlflow';

export type VersionCalls = ReturnType<typeof versionCalls>;

/** Calls about registered models and their versions. */
export function versionCalls(transport: Transport, { getRun }: Pick<RunCalls, 'getRun'>) {
  const post = async (path: string, json: unknown, { signal }: CallOptions) =>
    await transport.json({ method: 'POST', path: `${API}/${path}`, json, signal }, Nothing);

  /** Every version that matches MLflow's filter, page by page; without aliases, which no search returns. */
  async function searchVersions(
    filter: string,
    { pageSize = 500, signal }: CallOptions & { pageSize?: number } = {},
  ): Promise<ModelVersion[]> {
    const versions: ModelVersion[] = [];
    let token: string | undefined;
    do {
      const query = { filter, max_results: pageSize, page_token: token };
      const call = { method: 'GET', path: `${API}/model-versions/search`, query, signal } as const;
      const page = await transport.json(call, VersionPage);
      versions.push(...page.model_versions);
      token = page.next_page_token;
    } while (token);
    return versions.sort((a, b) => Number(b.version) - Number(a.version));
  }

  /** Undefined when the model is not registered. */
  async function getModel(name: string, { signal }: CallOptions) {
    const call = { method: 'GET', path: `${API}/registered-models/get`, query: { name }, signal } as const;
    return await orUndefined(transport.json(call, ModelAnswer));
  }

  /** Version by alias; undefined when the model is not registered. */
  async function getAliases(name: string, options: CallOptions = {}): Promise<Record<string, string> | undefined> {
    const answer = await getModel(name, options);
    return answer && Object.fromEntries(answer.registered_model.aliases.map(({ alias, version }) => [alias, version]));
  }

  /**
   * Where the files of `runs:/ID/model` lie. MLflow's own client sends that too: servers store what they get, and who
   * loads the version without MLflow, as our API does, could not make anything of a run.
   */
  async function locationOf(source: string, options: CallOptions): Promise<string> {
    const [, runId, path] = /^runs:\/+([^/]+)\/(.+)$/.exec(source) ?? [];
    if (runId === undefined) return source;
    const { artifactUri } = required(await getRun(runId, options), `run ${runId}`);
    return `${artifactUri}/${path}`;
  }

  return {
    searchVersions,
    getAliases,

    /** The names of up to a hundred registered models. */
    async listModels({ signal }: CallOptions = {}): Promise<string[]> {
      const query = { max_results: 100 };
      const call = { method: 'GET', path: `${API}/registered-models/search`, query, signal } as const;
      return (await transport.json(call, ModelPage)).registered_models.map(({ name }) => name);
    },

    /** Registers the model's name unless it is registered. */
    async ensureRegisteredModel(name: string, description = '', options: CallOptions = {}): Promise<void> {
      if (await getAliases(name, options)) return;
      try {
        await post('registered-models/create', { name, description }, options);
      } catch (error) {
        if (!hasCode(error, 'RESOURCE_ALREADY_EXISTS')) throw error;
      }
    },

    /** Makes a version, each time another one: `ensureVersion` is for callers that may be retried. */
    async createVersion(version: NewVersion, { signal }: CallOptions = {}): Promise<ModelVersion> {
      const { name, runId, tags = {}, description = '' } = version;
      const source = await locationOf(version.source, { signal });
      const modelId = version.modelId ?? /^models:\/(m-[^/]+)/.exec(source)?.[1];
      const json = { name, source, run_id: runId, model_id: modelId, tags: toPairs(tags), description };
      const call = { method: 'POST', path: `${API}/model-versions/create`, json, signal } as const;
      return (await transport.json(call, VersionAnswer)).model_version;
    },

    /** The version with its aliases; undefined when there is none. */
    async getVersion(name: string, version: string, { signal }: CallOptions = {}): Promise<ModelVersion | undefined> {
      const call = { method: 'GET', path: `${API}/model-versions/get`, query: { name, version }, signal } as const;
      return (await orUndefined(transport.json(call, VersionAnswer)))?.model_version;
    },

    /** The lowest version whose tag has this value; without its aliases. */
    async findVersionByTag(
      name: string,
      key: string,
      value: string,
      options: CallOptions = {},
    ): Promise<ModelVersion | undefined> {
      return (await searchVersions(`name = ${quoted(name)} and ${tagIs(key, value)}`, options)).at(-1);
    },

    /** Every version of the model with its aliases, newest first; none when the model is not registered. */
    async listVersions(name: string, options: CallOptions = {}): Promise<ModelVersion[]> {
      const [versions, aliases = {}] = await Promise.all([
        searchVersions(`name = ${quoted(name)}`, options),
        getAliases(name, options),
      ]);
      const aliasesOf = (version: string) => Object.keys(aliases).filter((alias) => aliases[alias] === version);
      return versions.map((version) => ({ ...version, aliases: aliasesOf(version.version) }));
    },

    /** Tags of a registered model; none when it is not registered. */
    async modelTags(name: string, options: CallOptions = {}): Promise<Record<string, string>> {
      const answer = await getModel(name, options);
      return Object.fromEntries((answer?.registered_model.tags ?? []).map(({ key, value }) => [key, value]));
    },

    async setModelTags(name: string, tags: Readonly<Record<string, string>>, options: CallOptions = {}): Promise<void> {
      for (const [key, value] of Object.entries(tags)) {
        await post('registered-models/set-tag', { name, key, value }, options);
      }
    },

    async setVersionTags(
      name: string,
      version: string,
      tags: Readonly<Record<string, string>>,
      options: CallOptions = {},
    ): Promise<void> {
      for (const tag of toPairs(tags)) await post('model-versions/set-tag', { name, version, ...tag }, options);
    },

    /** Deletes the version; one that does not exist is no error. MLflow gives its number to no other. */
    async deleteVersion(name: string, version: string, { signal }: CallOptions = {}): Promise<void> {
      const call = { method: 'DELETE', path: `${API}/model-versions/delete`, json: { name, version }, signal } as const;
      await orUndefined(transport.json(call, Nothing));
    },
  };
}
