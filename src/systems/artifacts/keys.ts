import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { parseJson } from '../../contracts/text.ts';
import type { Backend, TransferOptions } from './backend.ts';
import { sha256Of } from './digest.ts';
import { keyPath } from './paths.ts';

/** The key is in it, so that half a file is recognised, and a person sees what it is for. */
const Entry = z.strictObject({ key: z.string(), value: z.json() });
export type KeyValue = z.infer<typeof Entry>['value'];

export async function putKey(backend: Backend, key: string, value: KeyValue, options: TransferOptions): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ key, value }));
  await backend.put(keyPath(sha256Of(key)), () => Readable.from([bytes]), bytes.byteLength, options);
}

export async function getKey(backend: Backend, key: string, options: TransferOptions): Promise<KeyValue | undefined> {
  const path = keyPath(sha256Of(key));
  if ((await backend.sizeOf(path, options)) === undefined) return undefined;
  const entry = Entry.safeParse(parseJson(await backend.get(path, text, options)));
  return entry.success && entry.data.key === key ? entry.data.value : undefined;
}
