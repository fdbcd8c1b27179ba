import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DockerError } from './errors.ts';
import { configKeyOf, registryOf } from './references.ts';

export interface Login {
  /** Empty: docker's own credential store and helpers are used. */
  username: string;
  /** File with the password or token, absolute. */
  passwordFile: string;
}

/**
 * Lets `body` run docker commands that are logged in to the registry of an image. The password goes from its file into
 * a configuration folder that only this user can read and that is gone afterwards: it is in no argument, environment
 * or log. Plug-ins, contexts and builders are those of the user's own folder.
 *
 * @param body gets the environment for the commands
 * @throws {DockerError} InvalidConfig, when the password file cannot be read
 */
export async function withLogin<Result>(
  { username, passwordFile }: Login,
  image: string,
  body: (env: Record<string, string>) => Promise<Result>,
): Promise<Result> {
  if (!username) return await body({});
  const auth = Buffer.from(`${username}:${await readPassword(passwordFile)}`).toString('base64');
  const own = join(homedir(), '.docker');
  // Made with permissions for its owner alone.
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-docker-'));
  try {
    const names = await readdir(own).catch(() => []);
    for (const name of names.filter((name) => name !== 'config.json'))
      await symlink(join(own, name), join(folder, name));
    // Without its credential store, which would be asked in place of our login.
    const { credsStore: _, credHelpers: __, auths, ...rest } = await readConfig(join(own, 'config.json'));
    const config = { ...rest, auths: { ...auths, [configKeyOf(registryOf(image))]: { auth } } };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 });
    return await body({ DOCKER_CONFIG: folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readPassword(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const message = `docker.passwordFile "${file}" cannot be read: ${(error as Error).message}.`;
    throw new DockerError('InvalidConfig', message, error);
  }
}

async function readConfig(file: string): Promise<Record<string, unknown> & { auths?: Record<string, unknown> }> {
  const text = await readFile(file, 'utf8').catch(() => '{}');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DockerError('InvalidConfig', `${file} is not JSON: ${(error as Error).message}.`, error);
  }
}
