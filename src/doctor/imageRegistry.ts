import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { type Config, fromRoot } from '../config.ts';
import { causeText } from '../contracts/errors.ts';
import { parseJson } from '../contracts/text.ts';
import { configKeyOf, registryOf } from '../systems/docker/cli.ts';
import { environmentOf } from '../systems/processes/environment.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { Environment } from './context.ts';
import { type Answer, ask, NoAnswer } from './http.ts';
import type { Check } from './run.ts';

/** The image registry answers and takes a push, as far as that shows without one. */
export const imageRegistryCheck: Check = {
  name: 'Image registry',
  async run({ config, env, signal }) {
    if (config.deployment.target !== 'docker' || !config.docker.push) return [];
    const repository = parseRepository(config.docker.image);
    try {
      const login = await loginFor(repository.host, config, env);
      return [judgePushAccess(await askPushAccess(repository, login, signal), repository, login)];
    } catch (error) {
      if (!(error instanceof NoLogin)) throw error;
      return [error.finding];
    }
  },
};

/** A repository of images and the registry that has it. */
interface ImageRepository {
  /** As Docker's own configuration calls the registry, such as `ghcr.io`. */
  host: string;
  /** Addresses of its API, tried in this order. */
  urls: string[];
  /** Name within the registry, such as `sugan2saba/ml`. */
  name: string;
}

/**
 * Reads a repository's name as Docker does. Only registries on loopback may do without TLS.
 *
 * @param image without a tag, such as `ghcr.io/sugan2saba/ml`
 */
export function parseRepository(image: string): ImageRepository {
  const host = registryOf(image);
  const name = image.startsWith(`${host}/`) ? image.slice(host.length + 1) : image;
  if (host === 'docker.io') {
    const full = name.includes('/') ? name : `library/${name}`;
    return { host, urls: ['https://registry-1.docker.io'], name: full };
  }
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(host);
  return { host, urls: loopback ? [`http://${host}`, `https://${host}`] : [`https://${host}`], name };
}

interface Login {
  username: string;
  password: string;
  /** The program, file or settings that it comes from. */
  source: string;
}

/** A login is configured but does not come. */
class NoLogin extends Error {
  override name = 'NoLogin';
  readonly finding: Finding;

  constructor(why: Finding) {
    super(why.code);
    this.finding = why;
  }
}

const DockerConfig = z.object({
  auths: z.record(z.string(), z.object({ auth: z.string().optional() })).default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
});
const HelperAnswer = z.object({ Username: z.string(), Secret: z.string() });
const HELPER_LIMIT_MS = 5_000;

/**
 * The login for a registry: the configured one, else Docker's own for it. Undefined: there is none.
 *
 * @throws {NoLogin} when one is configured but its file or helper does not give it
 */
async function loginFor(host: string, config: Config, env: Environment): Promise<Login | undefined> {
  const { username, passwordFile } = config.docker;
  if (username || passwordFile) return await configuredLogin(host, config);
  const path = join(env.DOCKER_CONFIG || join(env.HOME ?? '/', '.docker'), 'config.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = DockerConfig.safeParse(parseJson(text));
  if (!parsed.success) throw new NoLogin(finding('dockerConfigInvalid', { host, path }));
  const { auths, credsStore, credHelpers } = parsed.data;
  const key = configKeyOf(host);
  const stored = decodeLogin(auths[key]?.auth, path);
  const helper = credHelpers[key] ?? credsStore;
  return stored ?? (helper ? await helperLogin(helper, host, env, config.docker.passEnv) : undefined);
}

async function configuredLogin(host: string, config: Config): Promise<Login> {
  const { username, passwordFile } = config.docker;
  if (!username || !passwordFile) {
    const [has, lacks] = username ? ['username', 'passwordFile'] : ['passwordFile', 'username'];
    throw new NoLogin(finding('loginIncomplete', { host, has: has as string, lacks: lacks as string }));
  }
  const path = fromRoot(config, passwordFile);
  const password = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new NoLogin(finding('passwordUnreadable', { host, path, reason: causeText(error) }));
  });
  if (password.trim() === '') throw new NoLogin(finding('passwordUnreadable', { host, path, reason: null }));
  return { username, password: password.trim(), source: 'docker.username and docker.passwordFile' };
}

function decodeLogin(auth: string | undefined, source: string): Login | undefined {
  if (!auth) return undefined;
  const [username = '', ...password] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return { username, password: password.join(':'), source };
}

/** The protocol of Docker's credential helpers: the registry's name in, JSON out. */
async function helperLogin(
  helper: string,
  host: string,
  env: Environment,
  passed: readonly string[],
): Promise<Login | undefined> {
  const program = `docker-credential-${helper}`;
  const input = configKeyOf(host);
  const own = environmentOf(['network', 'docker'], passed, env);
  const options = { input, env: own, extendEnv: false, reject: false, timeout: HELPER_LIMIT_MS } as const;
  const { exitCode, stdout, stderr, shortMessage = '' } = await execa(program, ['get'], options);
  if (exitCode === 0) {
    const { data } = HelperAnswer.safeParse(parseJson(stdout));
    if (data) return { username: data.Username, password: data.Secret, source: program };
  }
  if (/credentials not found/i.test(stdout + stderr)) return undefined;
  const reason = stderr || stdout || shortMessage;
  throw new NoLogin(finding('credentialHelperFailed', { host, program, reason }));
}

/** What a registry says to a push that is begun and given up. */
type PushAccess =
  | { kind: 'unreachable'; reason: string }
  | { kind: 'notARegistry'; status: number }
  | { kind: 'denied'; status: number }
  | { kind: 'allowed' };

/**
 * Asks a registry whether a push would be allowed: an upload is begun and cancelled at once, so nothing is stored.
 * Protocol: https://distribution.github.io/distribution/spec/api/
 */
async function askPushAccess(
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
  if (authorization === null) return { kind: 'denied', status: 401 };
  const headers = authorization ? { authorization } : {};
  const upload = await ask(`${url}/v2/${name}/blobs/uploads/`, { method: 'POST', headers, signal });
  if (upload.status !== 202) return { kind: 'denied', status: upload.status };
  const location = upload.headers.location;
  if (typeof location === 'string') {
    // The registry forgets an upload that cannot be cancelled in time.
    await ask(new URL(location, url).href, { method: 'DELETE', headers, signal }).catch(() => undefined);
  }
  return { kind: 'allowed' };
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

const Token = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** What a registry's answer means: which login or permission is missing. */
export function judgePushAccess(
  access: PushAccess,
  { host, name }: Pick<ImageRepository, 'host' | 'name'>,
  login: Pick<Login, 'username' | 'source'> | undefined,
): Finding {
  const who = login ? { username: login.username, source: login.source } : null;
  if (access.kind === 'allowed') return finding('pushAllowed', { host, name, login: who });
  if (access.kind === 'unreachable') return finding('registryAway', { reason: access.reason });
  if (access.kind === 'notARegistry') return finding('notARegistry', { host, status: access.status });
  return who
    ? finding('pushRefused', { host, name, login: who, status: access.status })
    : finding('loginMissing', { host });
}
