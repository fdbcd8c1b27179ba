import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { type Config, fromRoot } from '../../config.ts';
import { parseJson } from '../../contracts/text.ts';
import { configKeyOf } from '../../systems/docker/references.ts';
import type { Environment } from '../context.ts';
import { inWords } from '../lib/words.ts';

export interface Login {
  username: string;
  password: string;
  /** Where it was found, in words. */
  source: string;
}

/** A login is configured but cannot be had; the message says why. */
export class NoLogin extends Error {
  override name = 'NoLogin';
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
export async function loginFor(host: string, config: Config, env: Environment): Promise<Login | undefined> {
  const { username, passwordFile } = config.docker;
  if (username || passwordFile) return await configured(config);
  const folder = env.DOCKER_CONFIG || join(env.HOME ?? '/', '.docker');
  const path = join(folder, 'config.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = DockerConfig.safeParse(parseJson(text));
  if (!parsed.success) throw new NoLogin(`${path} is not Docker's configuration`);
  const { auths, credsStore, credHelpers } = parsed.data;
  const key = configKeyOf(host);
  const helper = credHelpers[key] ?? credsStore;
  const stored = decode(auths[key]?.auth, path);
  return stored ?? (helper ? await fromHelper(helper, key, env) : undefined);
}

async function configured(config: Config): Promise<Login> {
  const { username, passwordFile } = config.docker;
  if (!username) throw new NoLogin('docker.passwordFile is set, but docker.username is not');
  if (!passwordFile) throw new NoLogin('docker.username is set, but docker.passwordFile is not');
  const path = fromRoot(config, passwordFile);
  const password = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new NoLogin(`docker.passwordFile ${path} cannot be read (${inWords(error)})`);
  });
  if (password.trim() === '') throw new NoLogin(`docker.passwordFile ${path} is empty`);
  return { username, password: password.trim(), source: 'docker.username and docker.passwordFile' };
}

function decode(auth: string | undefined, source: string): Login | undefined {
  if (!auth) return undefined;
  const [username = '', ...password] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return { username, password: password.join(':'), source };
}

/** The protocol of Docker's credential helpers: the registry's name in, JSON out. */
async function fromHelper(helper: string, key: string, env: Environment): Promise<Login | undefined> {
  const program = `docker-credential-${helper}`;
  const options = { input: key, env, extendEnv: false, reject: false, timeout: HELPER_LIMIT_MS } as const;
  const { exitCode, stdout, stderr, shortMessage = '' } = await execa(program, ['get'], options);
  if (exitCode === 0) {
    const { data } = HelperAnswer.safeParse(parseJson(stdout));
    if (data) return { username: data.Username, password: data.Secret, source: program };
  }
  if (/credentials not found/i.test(stdout + stderr)) return undefined;
  throw new NoLogin(`the credential helper ${program} gives nothing (${stderr || stdout || shortMessage})`);
}
