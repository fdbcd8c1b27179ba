import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { FailureType } from '../../contracts/errors.ts';
import { TAGS } from '../../contracts/names.ts';
import type { RecordedFiles } from '../../contracts/registry.ts';
import { orUndefined } from './errors.ts';
import { proxyDownload, proxyList, toProxyPath } from './proxy.ts';
import { type ModelVersion, Nothing, toPairs } from './shapes.ts';
import type { CallOptions, Transport } from './transport.ts';

type Version = Pick<ModelVersion, 'name' | 'version' | 'tags'>;

/** Whether the files of a version are those that were registered. */
export type FilesVerdict =
  | { code: 'same'; digest: string }
  | { code: 'changed'; files: string[] }
  /** Nobody recorded a digest when it was registered. */
  | { code: 'unrecorded' };

/** A version whose files may not be loaded; `type` is the failure that it means. */
export class ModelRefused extends Error {
  override name = 'ModelRefused';
  readonly type: Extract<FailureType, 'ModelChanged' | 'ModelUntrusted'>;

  constructor(type: ModelRefused['type'], message: string) {
    super(message);
    this.type = type;
  }
}

const Location = z.object({ artifact_uri: z.string() });
/** Longest tag that every server from 2.13 on takes (characters). */
const TAG_LENGTH = 5_000;
/** Files that a message names. */
const NAMED = 5;

/** What the tags of a version say of its files; null: nobody recorded them. */
export function recordedFiles({ tags }: Pick<ModelVersion, 'tags'>): RecordedFiles | null {
  const digest = tags[TAGS.digest];
  return digest ? { digest, files: tags[TAGS.files] ?? null } : null;
}

/** What is recorded, as tags. The digest comes last: a version that has it has the list too. */
export function filesTags({ digest, files }: RecordedFiles): Record<string, string> {
  return { ...(files !== null && { [TAGS.files]: files }), [TAGS.digest]: digest };
}

/** Where the files of a version lie on the server; undefined: they do not pass through it. */
export async function folderOf(
  transport: Transport,
  { name, version }: Pick<ModelVersion, 'name' | 'version'>,
  { signal }: CallOptions,
): Promise<string | undefined> {
  const query = { name, version };
  const call = { method: 'GET', path: '/api/2.0/mlflow/model-versions/get-download-uri', query, signal } as const;
  return toProxyPath((await orUndefined(transport.json(call, Location)))?.artifact_uri ?? '');
}

/** Calls about the files of versions: what was registered is what is evaluated, baked and served. */
export function versionFileCalls(transport: Transport) {
  /**
   * SHA-256 and path of each file, a line each, as sha256sum writes them; in the order of the paths' bytes. Undefined:
   * the files do not pass through the server.
   */
  async function listFiles({ name, version }: Version, { signal }: CallOptions): Promise<string | undefined> {
    const root = await folderOf(transport, { name, version }, { signal });
    if (root === undefined) return undefined;
    const digests = new Map<string, string>();
    const visit = async (below: string) => {
      for (const file of await proxyList(transport, `${root}/${below}`.replace(/\/$/, ''), { signal })) {
        const path = below + file.name;
        if (file.isDirectory) await visit(`${path}/`);
        else digests.set(path, await proxyDownload(transport, `${root}/${path}`, sha256OfStream, { signal }));
      }
    };
    await visit('');
    const paths = [...digests.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return paths.map((path) => `${digests.get(path)}  ${path}\n`).join('');
  }

  async function setTags({ name, version }: Version, tags: Record<string, string>, { signal }: CallOptions) {
    const path = '/api/2.0/mlflow/model-versions/set-tag';
    for (const tag of toPairs(tags)) {
      await transport.json({ method: 'POST', path, json: { name, version, ...tag }, signal }, Nothing);
    }
  }

  return {
    /** Records the digest of a version's files as a tag, unless it has one; null: they cannot be read through MLflow. */
    async recordFiles(version: Version, options: CallOptions = {}): Promise<RecordedFiles | null> {
      const known = recordedFiles(version);
      if (known) return known;
      const list = await listFiles(version, options);
      if (!list) return null;
      const recorded = { digest: sha256(list), files: list.length <= TAG_LENGTH ? list : null };
      await setTags(version, filesTags(recorded), options);
      return recorded;
    },

    /** Records the digest of a file that the version's run has beside the model, unless there is one. */
    async recordImageFile(
      version: Version & { runId: string },
      path: string,
      options: CallOptions = {},
    ): Promise<void> {
      if (!version.runId || version.tags[TAGS.imageFile]) return;
      const query = { run_id: version.runId, path };
      const call = { method: 'GET', path: '/get-artifact', query, ...options } as const;
      await setTags(version, { [TAGS.imageFile]: await transport.transfer(call, sha256OfStream) }, options);
    },

    /** Compares the files of a version with what was recorded; those that cannot be read have changed. */
    async compareFiles(version: Version, options: CallOptions = {}): Promise<FilesVerdict> {
      const recorded = recordedFiles(version);
      if (!recorded) return { code: 'unrecorded' };
      const found = (await listFiles(version, options)) ?? '';
      if (sha256(found) === recorded.digest) return { code: 'same', digest: recorded.digest };
      return { code: 'changed', files: recorded.files === null ? [] : differing(found, recorded.files) };
    },
  };
}

export function changedText(registeredModel: string, version: string, files: readonly string[]): string {
  const what = files.length > 0 ? files.slice(0, NAMED).join(', ') : 'one of its files';
  return `Version ${version} of ${registeredModel} is not what was registered: ${what} changed.`;
}

/** Paths that only one of two lists has, or with another digest. */
function differing(one: string, other: string): string[] {
  const lines = [...one.split('\n'), ...other.split('\n')];
  const single = lines.filter((line) => line && lines.indexOf(line) === lines.lastIndexOf(line));
  return [...new Set(single.map((line) => line.slice(66)))].sort();
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function sha256OfStream(body: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}
