import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporalServer } from '../../../setup/parts/temporalServer.mjs';
import { buildTemporal } from '../../../setup/temporal/build.mjs';
import { downloadTemporal } from '../../../setup/temporal/download.mjs';
import { findTemporal } from '../../../setup/temporal/find.mjs';

const NEW = 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)';
let folder: string;
let bin: string;
let env: Record<string, string>;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediwatch-temporal-'));
  bin = join(folder, 'bin');
  mkdirSync(bin);
  env = { PATH: `${bin}:/usr/bin:/bin`, XDG_CACHE_HOME: join(folder, 'cache') };
});
afterEach(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

const ignore = () => {};
const script = (answer: string) => `#!/bin/sh\necho "${answer}"\n`;

function program(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What is in the cache once nothing is under way. */
const cached = () => readdirSync(join(folder, 'cache', 'mediwatch'));

test.each([
  ['the release', NEW, true],
  ['a later one', 'temporal version 2.0.0 (Server 1.40.0, UI 3.0.0)', true],
  ['a build from source', 'temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)', true],
  ['one that is too old', 'temporal version 1.4.9 (Server 1.28.0, UI 2.39.0)', false],
  ['a build from old source', 'temporal version 0.0.0-DEV (Server 1.28.0, UI 2.39.0)', false],
  ['another program of that name', 'temporal: a calendar', false],
])('%s on the PATH', async (_, answer, isFound) => {
  program(join(bin, 'temporal'), script(answer));
  const found = await findTemporal({ ...env, PATH: bin });
  expect(found).toBe(isFound ? join(bin, 'temporal') : undefined);
});

test('a download is unpacked into the cache, and found there', async () => {
  program(join(folder, 'temporal'), script(NEW));
  execFileSync('tar', ['-czf', join(folder, 'archive.tar.gz'), '-C', folder, 'temporal']);
  const asked: string[] = [];
  const archive = readFileSync(join(folder, 'archive.tar.gz'));
  const url = await serve((request, response) => {
    asked.push(request.url ?? '');
    response.end(archive);
  });
  await downloadTemporal(env, ignore, url, createHash('sha256').update(archive).digest('hex'));
  expect(asked[0]).toMatch(/^\/v1\.5\.1\/temporal_cli_1\.5\.1_(linux|darwin)_(amd64|arm64)\.tar\.gz$/);
  expect(await findTemporal({ ...env, PATH: '' })).toContain(join(folder, 'cache', 'mediwatch', 'temporal-1.5.1'));
  expect(cached()).toHaveLength(1);
});

test('a download with another digest is neither unpacked nor run, and nothing of it is kept', async () => {
  program(join(folder, 'temporal'), `#!/bin/sh\necho run > "${folder}/was-run"\n`);
  execFileSync('tar', ['-czf', join(folder, 'archive.tar.gz'), '-C', folder, 'temporal']);
  const url = await serve((_, response) => response.end(readFileSync(join(folder, 'archive.tar.gz'))));
  await expect(downloadTemporal(env, ignore, url)).rejects.toThrow('it was not unpacked');
  expect(existsSync(join(folder, 'was-run'))).toBe(false);
  expect(cached()).toEqual([]);
});

test('a download that breaks off leaves nothing in the cache', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('half');
    setTimeout(() => response.destroy(), 100);
  });
  await expect(downloadTemporal(env, ignore, url)).rejects.toThrow();
  expect(cached()).toEqual([]);
});

test('a program that does not run is not kept', async () => {
  program(join(bin, 'go'), `#!/bin/sh\nprintf '#!/bin/sh\\nexit 1\\n' > "$GOBIN/temporal"\n`);
  await expect(buildTemporal(env, ignore)).rejects.toThrow('does not run');
  expect(cached()).toEqual([]);
});

test('Go builds it where it cannot be downloaded', async () => {
  program(
    join(bin, 'go'),
    `#!/bin/sh\necho "$*" > "${folder}/go.args"\nprintf '#!/bin/sh\\necho "${NEW}"\\n' > "$GOBIN/temporal"\n`,
  );
  await buildTemporal(env, ignore);
  expect(readFileSync(join(folder, 'go.args'), 'utf8')).toBe('install github.com/temporalio/cli/cmd/temporal@v1.5.1\n');
  expect(await findTemporal({ ...env, PATH: '' })).toBeDefined();
});

test('when every way fails, the message says how to get it and why each way failed', async () => {
  const url = await serve((_, response) => response.writeHead(503).end());
  const ways = [
    () => downloadTemporal(env, ignore, url),
    () => Promise.reject(new Error('There is no Go to build it with.')),
  ];
  const failure = await temporalServer({ always: true, ways })
    .make(ignore)
    .catch((error: Error) => error);
  expect(failure).toMatchObject({ message: expect.stringContaining('install it from https://docs.temporal.io/cli') });
  expect(failure).toMatchObject({ message: expect.stringContaining('HTTP status 503') });
  expect(failure).toMatchObject({ message: expect.stringContaining('There is no Go to build it with.') });
});
