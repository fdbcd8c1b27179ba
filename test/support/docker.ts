import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { lock } from '../../setup/lock.mjs';
import { PROJECT_ROOT } from '../../src/config.ts';
import { freePort } from '../../src/systems/ports.ts';
import { until } from './until.ts';

/** Makes a Debian and Python base on machines that cannot pull one. */
const BASE_SCRIPT = resolve(PROJECT_ROOT, '../shared/tools/base-image');
const LOCAL_BASE = 'local/python:3.11';
const PUBLIC_BASE = 'python:3.11-slim-bookworm';

/**
 * Finds out whether tests can use Docker; one that is installed is started if we may.
 *
 * @returns why they cannot, as text, or null
 */
export async function dockerProblem(): Promise<string | null> {
  if (await answers()) return (await hasBase()) ? null : `neither ${PUBLIC_BASE} nor ${BASE_SCRIPT} is there`;
  if (!(await isInstalled('dockerd'))) return 'Docker is not installed';
  if (process.getuid?.() !== 0) return 'the Docker daemon does not run, and only root can start it';
  return existsSync(BASE_SCRIPT) ? null : `neither a running Docker daemon nor ${BASE_SCRIPT} is there`;
}

/** Runs a daemon until the process of this id is gone. */
const UNTIL_GONE = 'dockerd & daemon=$!; while kill -0 "$1" && kill -0 $daemon; do sleep 1; done; kill $daemon; wait';

/** Makes sure that a daemon runs. One that this starts ends with the test run, whose files share it. */
export async function ensureDaemon(): Promise<void> {
  await oneAtATime('daemon', async () => {
    if (await answers()) return;
    const args = ['-c', UNTIL_GONE, 'sh', String(process.ppid)];
    spawn('sh', args, { detached: true, stdio: 'ignore' }).unref();
    await until(answers, { timeoutMs: 60_000, what: 'the Docker daemon' });
  });
}

/** A base image for tests, made or pulled once a machine. */
export function baseImage(): Promise<string> {
  return oneAtATime('base', async () => {
    if (await hasImage(PUBLIC_BASE)) return PUBLIC_BASE;
    if (existsSync(BASE_SCRIPT)) await execa(BASE_SCRIPT, [LOCAL_BASE]);
    else await execa('docker', ['pull', PUBLIC_BASE]);
    return existsSync(BASE_SCRIPT) ? LOCAL_BASE : PUBLIC_BASE;
  });
}

/** Keeps test files from making the same image twice at the same time. */
export async function oneAtATime<Result>(what: string, body: () => Promise<Result>): Promise<Result> {
  const held = await lock(join(tmpdir(), `mediwatch-test-docker-${what}`), () => {});
  try {
    return await body();
  } finally {
    held.release();
  }
}

export interface TestRegistry {
  /** `127.0.0.1:<port>`: Docker talks to registries on loopback without TLS. */
  host: string;
  tags(repository: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** The login of a registry with `auth`, made with `htpasswd -nbB robot right-password`. */
export const ROBOT = { username: 'robot', password: 'right-password' };
const HTPASSWD = 'robot:$2y$05$daruqh6w68CAl.AbjWW1C.8HCuTO01LEhPgNtp0oaH/I/vMkztwDe\n';

/** Starts a real image registry with an empty state of its own. */
export async function startRegistry({ auth = false } = {}): Promise<TestRegistry> {
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-registry-'));
  const port = await freePort(new Set());
  const host = `127.0.0.1:${port}`;
  const htpasswd = join(dir, 'htpasswd');
  await writeFile(htpasswd, HTPASSWD);
  const config = {
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(dir, 'data') } },
    http: { addr: host, secret: 'only-for-this-test' },
    ...(auth && { auth: { htpasswd: { realm: 'test', path: htpasswd } } }),
  };
  // YAML takes JSON.
  await writeFile(join(dir, 'config.yml'), JSON.stringify(config));
  const server = execa('docker-registry', ['serve', join(dir, 'config.yml')], { reject: false, stdio: 'ignore' });
  const end = () => server.kill('SIGKILL');
  process.on('exit', end);
  await until(
    () =>
      fetch(`http://${host}/v2/`).then(
        () => true,
        () => false,
      ),
    {
      timeoutMs: 20_000,
      what: 'the image registry',
    },
  );
  return {
    host,
    async tags(repository) {
      const answer = await fetch(`http://${host}/v2/${repository}/tags/list`);
      return answer.ok ? (((await answer.json()) as { tags: string[] | null }).tags ?? []) : [];
    },
    async stop() {
      end();
      await server;
      process.off('exit', end);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** `docker` with arguments; gives its output. */
export async function docker(...args: string[]): Promise<string> {
  return (await execa('docker', args)).stdout;
}

/** Removes the containers with a label, and the images of a repository. */
export async function removeAll({ label, repository }: { label: string; repository: string }): Promise<void> {
  const containers = lines(await docker('ps', '--all', '--quiet', '--filter', `label=${label}`));
  if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers);
  const images = lines(await docker('images', '--quiet', repository));
  if (images.length > 0) await docker('rmi', '--force', ...new Set(images));
}

/** Tags of the local images of a repository. */
export async function localTags(repository: string): Promise<string[]> {
  const found = lines(await docker('images', '--format', '{{.Tag}}', repository));
  return found.filter((tag) => tag !== '<none>').sort();
}

/**
 * What pip needs inside a build on this machine. Where the host trusts an authority of its own, a container does not;
 * the packages are checked by their hashes.
 */
export function pipEnvironment(): Record<string, string> {
  const hasOwnAuthority = process.env.PIP_CERT ?? process.env.SSL_CERT_FILE;
  return hasOwnAuthority ? { PIP_TRUSTED_HOST: 'pypi.org files.pythonhosted.org' } : {};
}

const lines = (text: string) => text.split('\n').filter(Boolean);
const answers = () => succeeds('docker', 'version');
const hasImage = (name: string) => succeeds('docker', 'image', 'inspect', name);
const isInstalled = (program: string) => succeeds(program, '--version');
const hasBase = async () => existsSync(BASE_SCRIPT) || (await hasImage(PUBLIC_BASE));

async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  const { exitCode } = await execa(program, args, { reject: false, timeout: 20_000 });
  return exitCode === 0;
}
