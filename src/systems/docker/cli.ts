import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentOf } from '../processes/environment.ts';
import { CommandFailed } from '../processes/errors.ts';
import type { Reaper } from '../processes/reaper.ts';
import { runCommand } from '../processes/runCommand.ts';
import { DockerError, deniedFor, explain } from './errors.ts';

/** The command line only hands things on: it needs little memory (MiB). */
const MEMORY_MB = 2_048;
/** Several platforms are emulated, which takes many times as long. */
const TIMEOUT_MS = { build: 60 * 60_000, push: 30 * 60_000, pull: 30 * 60_000 };

export interface Beat {
  signal?: AbortSignal | undefined;
  onProgress?: ((line: string) => void) | undefined;
}

interface CliCall extends Beat {
  /** What is done, for messages and the name of the log. */
  what: 'build' | 'push' | 'pull';
  /** The image that it is done to, for messages. */
  image: string;
  args: readonly string[];
  /** Added to what the docker command gets. */
  env?: Readonly<Record<string, string>>;
}

interface CliOptions {
  reaper: () => Promise<Reaper>;
  /** Folder of the logs. */
  logDir: string;
  cwd: string;
  login: Login;
  /** Variables of ours that it gets too. */
  passEnv: readonly string[];
}

interface Login {
  /** Empty: docker's own credential store and helpers are used. */
  username: string;
  /** File with the password or token, absolute. */
  passwordFile: string;
}

export type DockerCli = ReturnType<typeof createDockerCli>;

/** Docker's command line, for builds and for moving images between this host and their registry. */
export function createDockerCli({ reaper, logDir, cwd, login, passEnv }: CliOptions) {
  /**
   * Runs a command; its output goes to a log file.
   *
   * @throws {DockerError} saying what Docker or the registry refused
   */
  async function run({ what, image, args, env = {}, signal, onProgress }: CliCall): Promise<void> {
    const logFile = dockerLog(logDir, what);
    await mkdir(logDir, { recursive: true });
    await appendFile(logFile, `docker ${args.join(' ')}\n`);
    try {
      await runCommand({
        command: ['docker', ...args],
        cwd,
        env: { ...environmentOf(['network', 'docker', 'pip'], passEnv), ...env },
        logFile,
        timeoutMs: TIMEOUT_MS[what],
        memoryLimitMb: MEMORY_MB,
        signal: signal ?? new AbortController().signal,
        reaper: await reaper(),
        ...(onProgress && { onProgress }),
      });
    } catch (error) {
      throw error instanceof CommandFailed ? explain({ what, image, error }) : error;
    }
  }

  /**
   * Runs a command that talks to the registry of its image, logged in as configured.
   *
   * @throws {DockerError} PushDenied, saying which login and permission is missing; DockerUnavailable, when the registry
   *   cannot be reached
   */
  async function runLoggedIn(call: CliCall): Promise<void> {
    const { what, image } = call;
    try {
      await withLogin(login, image, (env) => run({ ...call, env }));
    } catch (error) {
      if (!(error instanceof DockerError) || error.type !== 'PushDenied') throw error;
      throw deniedFor(error, { what, registry: registryOf(image), image, login: login.username });
    }
  }

  return {
    run,
    runLoggedIn,

    push: (image: string, tag: string, beat: Beat = {}) =>
      runLoggedIn({ what: 'push', image, args: ['push', `${image}:${tag}`], ...beat }),

    /** Gives an image of several platforms another tag in the registry; a push would know of this host's platform only. */
    retag: (image: string, reference: string, tag: string, beat: Beat = {}) => {
      const args = ['buildx', 'imagetools', 'create', '--tag', `${image}:${tag}`, reference];
      return runLoggedIn({ what: 'push', image, args, ...beat });
    },

    /** @param reference `repository:tag` or `repository@sha256:…` */
    pull: (image: string, reference: string, beat: Beat = {}) =>
      runLoggedIn({ what: 'pull', image, args: ['pull', reference], ...beat }),
  };
}

/** Where the output of a command goes, in a folder of logs. */
export function dockerLog(logDir: string, what: string): string {
  return join(logDir, `docker-${what}.log`);
}

/**
 * Lets `body` run docker commands that are logged in to the registry of an image. The password goes from its file into
 * a configuration folder that only this user can read and that is gone afterwards: it is in no argument, environment
 * or log. Plug-ins, contexts and builders are those of the user's own folder.
 *
 * @param body gets the environment for the commands
 * @throws {DockerError} InvalidConfig, when the password file cannot be read
 */
async function withLogin<Result>(
  { username, passwordFile }: Login,
  image: string,
  body: (env: Record<string, string>) => Promise<Result>,
): Promise<Result> {
  if (!username) return await body({});
  const auth = Buffer.from(`${username}:${await readSecret('docker.passwordFile', passwordFile)}`).toString('base64');
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

/** @param setting that names the file */
export async function readSecret(setting: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const message = `${setting} "${file}" cannot be read: ${(error as Error).message}.`;
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

/** Docker's own registry, which a reference without a host means. */
const HUB = 'docker.io';

/** Host (and port) of the registry that an image name such as `ghcr.io/owner/name` belongs to. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : HUB;
}

/** Key of a registry in Docker's config.json. */
export function configKeyOf(registry: string): string {
  return registry === HUB ? 'https://index.docker.io/v1/' : registry;
}

/** `repository@sha256:…` among an image's digests, for this repository; undefined: it was not pushed or pulled. */
export function digestIn(repository: string, repoDigests: readonly string[] | null | undefined): string | undefined {
  const names = [repository, repository.replace(/^(docker\.io\/)?(library\/)?/, '')];
  return repoDigests?.find((digest) => names.includes(digest.split('@')[0] ?? ''));
}
