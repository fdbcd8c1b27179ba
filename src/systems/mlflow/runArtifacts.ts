import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, posix, sep } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { MlflowError, required } from './errors.ts';
import { proxyUpload, toProxyPath } from './proxy.ts';
import type { RunCalls } from './runs.ts';
import type { CallOptions, Transport } from './transport.ts';

export interface RunArtifact {
  /** Relative to the run's artifact folder. */
  path: string;
  isDirectory: boolean;
  sizeBytes: number;
}

const ListPage = z.object({
  files: z
    .array(z.object({ path: z.string(), is_dir: z.boolean().default(false), file_size: z.coerce.number().default(0) }))
    .default([]),
  next_page_token: z.string().optional(),
});

/** Calls about the files of a run. Reading works with every artifact location that the server can read. */
export function runArtifactCalls(transport: Transport, { getRun }: RunCalls) {
  async function read<Value>(
    runId: string,
    path: string,
    consume: (body: Readable) => Promise<Value>,
    options: CallOptions,
  ): Promise<Value> {
    const call = { method: 'GET', path: '/get-artifact', query: { run_id: runId, path }, ...options } as const;
    try {
      return await transport.transfer(call, consume);
    } catch (error) {
      // For a file that does not exist servers answer 404, or 500 before 3.x.
      const perhapsMissing = error instanceof MlflowError && (error.status === 404 || error.status === 500);
      if (!perhapsMissing) throw error;
      const siblings = await listArtifacts(runId, posix.dirname(path).replace(/^\.$/, ''), options);
      if (siblings.some((artifact) => artifact.path === path)) throw error;
      return required<Value>(undefined, `artifact "${path}" of run ${runId}`);
    }
  }

  /** The files and folders right below a folder of the run. */
  async function listArtifacts(runId: string, path = '', { signal }: CallOptions = {}): Promise<RunArtifact[]> {
    const artifacts: RunArtifact[] = [];
    let token: string | undefined;
    do {
      const query = { run_id: runId, path: path || undefined, page_token: token };
      const call = { method: 'GET', path: '/api/2.0/mlflow/artifacts/list', query, signal } as const;
      const page = await transport.json(call, ListPage);
      artifacts.push(
        ...page.files.map((file) => ({ path: file.path, isDirectory: file.is_dir, sizeBytes: file.file_size })),
      );
      token = page.next_page_token;
    } while (token);
    return artifacts;
  }

  /** Writes what lies at a path of the run, a file or a folder with all below it, into a local folder. */
  async function downloadArtifacts(
    runId: string,
    path: string,
    directory: string,
    options: CallOptions = {},
  ): Promise<string[]> {
    const below = await listArtifacts(runId, path, options);
    // MLflow lists nothing below a file.
    if (below.length === 0) return [await downloadFile(runId, path, directory, options)];
    const files: string[] = [];
    for (const artifact of below) {
      const { path: child, isDirectory } = artifact;
      if (isDirectory) files.push(...(await downloadArtifacts(runId, child, directory, options)));
      else files.push(await downloadFile(runId, child, directory, options));
    }
    return files;
  }

  async function downloadFile(runId: string, path: string, directory: string, options: CallOptions): Promise<string> {
    const target = join(directory, path);
    if (!target.startsWith(join(directory, sep))) {
      throw new MlflowError(`Run ${runId} has an artifact outside its folder: ${path}`, { retryable: false });
    }
    await mkdir(dirname(target), { recursive: true });
    await read(runId, path, async (body) => await pipeline(body, createWriteStream(target)), options);
    return target;
  }

  return {
    listArtifacts,
    downloadArtifacts,

    async getArtifactText(runId: string, path: string, options: CallOptions = {}): Promise<string> {
      return await read(runId, path, text, options);
    },

    /**
     * Stores a file with the run.
     *
     * @throws {MlflowError} when the run's artifacts do not pass through the server (`--no-serve-artifacts`)
     */
    async logArtifact(
      runId: string,
      path: string,
      body: string | Uint8Array,
      options: CallOptions = {},
    ): Promise<void> {
      const { artifactUri } = required(await getRun(runId, options), `run ${runId}`);
      const folder = toProxyPath(artifactUri);
      if (folder === undefined) {
        throw new MlflowError(
          `The artifacts of run ${runId} lie at ${artifactUri}, which only MLflow's own client can write. ` +
            'Start the server with --serve-artifacts, and use a new experiment.',
          { retryable: false },
        );
      }
      const bytes = Buffer.from(body);
      const upload = { body: () => Readable.from([bytes]), sizeBytes: bytes.byteLength };
      await proxyUpload(transport, `${folder}/${path}`, upload, options);
    },
  };
}
