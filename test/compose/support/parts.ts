import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { findTemporal } from '../../../setup/temporal/find.mjs';
import { PROJECT_ROOT } from '../../../src/config.ts';
import { programOf } from './programs.ts';

/** Versions of the images in docker-compose.yml. */
const SERVER = 'go.temporal.io/server';
const SERVER_VERSION = 'v1.29.1';
const UI = 'github.com/temporalio/ui-server/v2';
const UI_VERSION = 'v2.42.1';
/** The newest Compose that Debian's dockerd and this machine's Go are known to work with. */
const COMPOSE = { module: 'github.com/docker/compose/v2', version: 'v2.29.7' };

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mediwatch', 'compose');

/** The Compose program: docker's plug-in where there is one, or else built from source once. */
export async function composeCommand(): Promise<string[]> {
  const { exitCode } = await execa('docker', ['compose', 'version'], { reject: false });
  if (exitCode === 0) return ['docker', 'compose'];
  return [await goProgram({ ...COMPOSE, path: 'cmd', name: 'docker-compose' })];
}

/**
 * Gathers what the images of compose.local.yml are built from: Temporal's programs from Go modules, and the machine's
 * own Node and npm. What takes minutes is kept in the user's cache.
 *
 * @returns the folder
 */
export async function gatherParts(): Promise<string> {
  const parts = join(CACHE, 'parts');
  await mkdir(parts, { recursive: true });
  const server = { module: SERVER, version: SERVER_VERSION };
  const place = async (from: string, name: string) => {
    await rm(join(parts, name), { recursive: true, force: true });
    await cp(from, join(parts, name), { recursive: true, dereference: true, preserveTimestamps: true });
  };
  await place(await goProgram({ ...server, path: 'cmd/server', name: 'temporal-server' }), 'temporal-server');
  await place(await goProgram({ ...server, path: 'cmd/tools/sql', name: 'temporal-sql-tool' }), 'temporal-sql-tool');
  await place(
    await goProgram({ module: UI, version: UI_VERSION, path: 'cmd/server', name: 'temporal-ui' }),
    'ui-server',
  );
  await place(join(await moduleFolder(SERVER, SERVER_VERSION), 'schema'), 'schema');
  await place(join(await moduleFolder(UI, UI_VERSION), 'config'), 'ui-config');
  await place(found(await findTemporal(process.env), 'the Temporal CLI'), 'temporal');
  await place(join(PROJECT_ROOT, 'node_modules', 'node', 'bin', 'node'), 'node');
  // …/npm/bin/npm-cli.js
  await place(dirname(dirname(await realpath(found(programOf('npm'), 'npm')))), 'npm');
  await writeBuildSecrets(parts);
  return parts;
}

/** Builds a program of a Go module, unless the cache has it in this version. */
async function goProgram(program: { module: string; version: string; path: string; name: string }): Promise<string> {
  const { module, version, path, name } = program;
  const kept = join(CACHE, `${name}-${version}`);
  if (existsSync(kept)) return kept;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'build-'));
  try {
    // Without cgo, so that it runs on whatever C library the image has.
    const env = { GOBIN: folder, CGO_ENABLED: '0' };
    // Other tests must not wait for a compiler.
    const command = ['-n', '15', found(programOf('go'), 'Go'), 'install', `${module}/${path}@${version}`];
    await execa('nice', command, { cwd: folder, env });
    await rename(join(folder, path.split('/').at(-1) ?? ''), kept);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return kept;
}

/** Folder of a module's sources in Go's own cache. */
async function moduleFolder(module: string, version: string): Promise<string> {
  const go = found(programOf('go'), 'Go');
  const { stdout } = await execa(go, ['mod', 'download', '-json', `${module}@${version}`], { cwd: CACHE });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

/** What pip and npm need to know of this machine's network, for the time of a build only. */
async function writeBuildSecrets(folder: string): Promise<void> {
  const certificates = process.env.PIP_CERT || process.env.NODE_EXTRA_CA_CERTS || process.env.SSL_CERT_FILE;
  await writeFile(join(folder, 'build_ca'), certificates ? await readFile(certificates) : '');
  const names = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_DEFAULT_TIMEOUT', 'npm_config_registry'];
  const variables: Array<[string, string | undefined]> = names.map((name) => [name, process.env[name]]);
  if (certificates) variables.push(...['PIP_CERT', 'NODE_EXTRA_CA_CERTS'].map((name): [string, string] => [name, CA]));
  const lines = variables
    .filter(([, value]) => value)
    .map(([name, value]) => `export ${name}='${value?.replaceAll("'", "'\\''")}'\n`);
  await writeFile(join(folder, 'build_env'), lines.join(''), { mode: 0o600 });
}

/** Where a build sees the secret. */
const CA = '/run/secrets/build_ca';

function found(path: string | undefined, what: string): string {
  if (!path) throw new Error(`This machine has no ${what}.`);
  return path;
}
