import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { decoded } from '../../config/secrets.ts';
import type { Call, CallOptions, Transport } from './transport.ts';

const ROOT = '/api/2.0/mlflow-artifacts/artifacts';

const ListAnswer = z.object({
  files: z
    .array(z.object({ path: z.string(), is_dir: z.boolean().default(false), file_size: z.coerce.number().default(0) }))
    .default([]),
});

/** Path in the server's artifact store of a URI such as `mlflow-artifacts:/1/ab12/artifacts`; undefined for others. */
export function toProxyPath(uri: string): string | undefined {
  const url = URL.parse(uri);
  if (url?.protocol !== 'mlflow-artifacts:') return undefined;
  return decoded(url.pathname).replace(/^\/+|\/+$/g, '');
}

/** Stores a file through the server, in place of one of the same path; repeated when the connection breaks. */
export async function proxyUpload(
  transport: Transport,
  path: string,
  upload: NonNullable<Call['upload']>,
  { signal }: CallOptions,
): Promise<void> {
  await transport.transfer({ method: 'PUT', path: urlOf(path), upload, idempotent: true, signal }, text);
}

/** Size of a stored file (bytes); undefined when there is none. */
export async function proxyFileSize(
  transport: Transport,
  path: string,
  { signal }: CallOptions,
): Promise<number | undefined> {
  // Servers before 3.x answer 500 for a file that does not exist, so the folder is listed instead.
  const cut = path.lastIndexOf('/');
  const files = await listed(transport, cut < 0 ? undefined : path.slice(0, cut), signal);
  const name = path.slice(cut + 1);
  return files.find((file) => !file.is_dir && file.path === name)?.file_size;
}

/** Hands the content of a stored file to `read`, which starts over when the connection breaks. */
export async function proxyDownload<Value>(
  transport: Transport,
  path: string,
  read: Parameters<typeof transport.transfer<Value>>[1],
  { signal }: CallOptions,
): Promise<Value> {
  return await transport.transfer({ method: 'GET', path: urlOf(path), signal }, read);
}

/** Files and folders right below a folder; none when there is no such folder. */
export async function proxyList(
  transport: Transport,
  path: string,
  { signal }: CallOptions,
): Promise<Array<{ name: string; isDirectory: boolean }>> {
  const files = await listed(transport, path, signal);
  return files.map((file) => ({ name: file.path, isDirectory: file.is_dir }));
}

/** Removes a folder with all below it. Servers before 3.x cannot remove a file alone. */
export async function proxyRemoveFolder(transport: Transport, path: string, { signal }: CallOptions): Promise<void> {
  await transport.text({ method: 'DELETE', path: urlOf(path), idempotent: true, signal });
}

async function listed(transport: Transport, path: string | undefined, signal: AbortSignal | undefined) {
  const { files } = await transport.json({ method: 'GET', path: ROOT, query: { path }, signal }, ListAnswer);
  return files;
}

function urlOf(path: string): string {
  return `${ROOT}/${path.split('/').map(encodeURIComponent).join('/')}`;
}
