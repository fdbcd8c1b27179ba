import { createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { parseJson } from '../../contracts/text.ts';
import { sameSecret } from '../signature.ts';
import type { Backend, TransferOptions } from './backend.ts';
import { sha256Of } from './digest.ts';
import { keyPath } from './paths.ts';

const Content = z.strictObject({ key: z.string(), value: z.json() });
/** The key is in it, so that a value under another name is recognised, and a person sees what it is for. */
const Entry = z.strictObject({ content: z.string(), hmac: z.string() });
export type KeyValue = z.infer<typeof Content>['value'];

/** Authenticates values: whoever can write to the store alone makes none that is believed. */
export interface Authentication {
  /** The secret that the hosts of one service share. */
  secret: string;
  /** A value was found that is not ours, and is ignored. */
  onForged(key: string): void;
}

const hmacOf = ({ secret }: Authentication, content: string) =>
  createHmac('sha256', secret).update(`artifact pointer\n${content}`).digest('hex');

export async function putKey(
  backend: Backend,
  authentication: Authentication,
  key: string,
  value: KeyValue,
  options: TransferOptions,
): Promise<void> {
  const content = JSON.stringify({ key, value });
  const bytes = Buffer.from(JSON.stringify({ content, hmac: hmacOf(authentication, content) }));
  await backend.put(keyPath(sha256Of(key)), () => Readable.from([bytes]), bytes.byteLength, options);
}

export async function getKey(
  backend: Backend,
  authentication: Authentication,
  key: string,
  options: TransferOptions,
): Promise<KeyValue | undefined> {
  const path = keyPath(sha256Of(key));
  if ((await backend.sizeOf(path, options)) === undefined) return undefined;
  const entry = Entry.safeParse(parseJson(await backend.get(path, text, options))).data;
  const content = entry && sameSecret(entry.hmac, hmacOf(authentication, entry.content)) ? entry.content : null;
  const found = content === null ? undefined : Content.safeParse(parseJson(content)).data;
  if (found?.key === key) return found.value;
  authentication.onForged(key);
  return undefined;
}
