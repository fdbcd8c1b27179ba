import { z } from 'zod';
import { type Answer, ask, NoAnswer } from '../lib/http.ts';
import type { Login } from './credentials.ts';
import type { ImageRepository } from './reference.ts';

/** What a registry says to a push that is begun and given up. */
export type PushAccess =
  | { kind: 'unreachable'; reason: string }
  | { kind: 'notARegistry'; status: number }
  | { kind: 'denied'; status: number; url: string }
  | { kind: 'allowed'; url: string };

const Token = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * Asks a registry whether a push would be allowed: an upload is begun and cancelled at once, so nothing is stored.
 * Protocol: https://distribution.github.io/distribution/spec/api/
 */
export async function askPushAccess(
  repository: ImageRepository,
  login: Login | undefined,
  signal: AbortSignal,
): Promise<PushAccess> {
  let reason = '';
  for (const url of repository.urls) {
    try {
      return await askAt(url, repository.name, login, signal);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      reason ||= `${url}: ${error.message}`;
    }
  }
  return { kind: 'unreachable', reason };
}

async function askAt(url: string, name: string, login: Login | undefined, signal: AbortSignal): Promise<PushAccess> {
  const base = await ask(`${url}/v2/`, { signal });
  if (base.status !== 200 && base.status !== 401) return { kind: 'notARegistry', status: base.status };
  const authorization = await authorize(base, name, login, signal);
  if (authorization === null) return { kind: 'denied', status: 401, url };
  const headers = authorization ? { authorization } : {};
  const upload = await ask(`${url}/v2/${name}/blobs/uploads/`, { method: 'POST', headers, signal });
  if (upload.status !== 202) return { kind: 'denied', status: upload.status, url };
  const location = upload.headers.location;
  if (typeof location === 'string') {
    // An upload that cannot be cancelled is forgotten by the registry in time.
    await ask(new URL(location, url).href, { method: 'DELETE', headers, signal }).catch(() => undefined);
  }
  return { kind: 'allowed', url };
}

/** The header that the registry asks for; undefined: none is needed; null: the login is refused. */
async function authorize(
  { status, headers }: Answer,
  name: string,
  login: Login | undefined,
  signal: AbortSignal,
): Promise<string | undefined | null> {
  if (status === 200) return undefined;
  const challenge = String(headers['www-authenticate'] ?? '');
  const basic = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  if (!/^bearer /i.test(challenge)) return basic ?? null;
  const field = (key: string) => new RegExp(`${key}="([^"]*)"`, 'i').exec(challenge)?.[1];
  const realm = URL.parse(field('realm') ?? '');
  if (!realm) return null;
  const service = field('service');
  if (service) realm.searchParams.set('service', service);
  realm.searchParams.set('scope', `repository:${name}:pull,push`);
  const answer = await ask(realm.href, { headers: basic ? { authorization: basic } : {}, signal });
  const { data } = Token.safeParse(answer.body);
  const token = data?.token ?? data?.access_token;
  return answer.status === 200 && token ? `Bearer ${token}` : null;
}
