import { generateKeyPairSync, verify } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createDockerSystem, type DockerSystem } from '../../src/systems/docker/index.ts';
import {
  docker,
  dockerProblem,
  ensureDaemon,
  localTags,
  ROBOT,
  removeAll,
  startRegistry,
  type TestRegistry,
} from '../support/docker.ts';

const problem = await dockerProblem();
const skipped = problem ? ` (skipped: ${problem})` : '';
const FIXTURE = fileURLToPath(new URL('./fixtures/empty', import.meta.url));

describe.skipIf(problem)(`building and pushing an image${skipped}`, () => {
  let open: TestRegistry;
  let guarded: TestRegistry;
  let dir: string;
  const systems: DockerSystem[] = [];
  const repositories: string[] = [];

  beforeAll(async () => {
    await ensureDaemon();
    [open, guarded] = await Promise.all([startRegistry(), startRegistry({ auth: true })]);
    dir = await mkdtemp(join(tmpdir(), 'mediwatch-images-'));
    await cp(FIXTURE, join(dir, 'context'), { recursive: true });
  }, 120_000);

  afterAll(async () => {
    for (const system of systems) await system.close();
    for (const repository of repositories) await removeAll({ label: 'mediwatch.test=none', repository });
    await Promise.all([open?.stop(), guarded?.stop()]);
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  function systemFor(repository: string, env: Record<string, string> = {}): DockerSystem {
    const system = createDockerSystem(
      loadConfig(
        {
          MEDIWATCH_STACK_DIR: join(dir, 'state'),
          MEDIWATCH_DOCKER_IMAGE: repository,
          MEDIWATCH_DOCKER_CONTEXT: join(dir, 'context'),
          MEDIWATCH_DOCKER_DOCKERFILE: join(dir, 'context/Dockerfile'),
          MEDIWATCH_DOCKER_BASE_IMAGE: 'scratch',
          ...env,
        },
        '/nowhere',
      ),
    );
    systems.push(system);
    repositories.push(repository);
    return system;
  }

  test('it is built again when a file changes, and not when only ignored ones do', async () => {
    const { images } = systemFor(`${open.host}/changes`);
    const first = await images.runtime();
    expect(first).toMatchObject({ built: true, pushed: true });
    await writeFile(join(dir, 'context/ignored.txt'), 'whatever');
    expect(await images.runtime()).toMatchObject({ built: false, reference: first.reference });
    await writeFile(join(dir, 'context/content'), '2');
    const second = await images.runtime();
    expect(second).toMatchObject({ built: true });
    expect(second.reference).not.toBe(first.reference);
    // The older content again: its image is still there, and gets the tag back, in the registry too.
    await writeFile(join(dir, 'context/content'), '1\n');
    expect(await images.runtime()).toMatchObject({ built: false, reference: first.reference });
    expect(await remoteDigest(open, 'changes', 'latest')).toBe(first.reference.split('@')[1]);
    expect(await images.runtime({ force: true })).toMatchObject({ built: true });
  }, 60_000);

  test('with a key it says where it comes from, signed', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = join(dir, 'key.pem');
    await writeFile(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const { images } = systemFor(`${open.host}/signed`, { MEDIWATCH_DOCKER_SIGNING_KEY_FILE: key });
    const { reference } = await images.runtime();
    const digest = reference.split('sha256:')[1] as string;
    const file = join(dir, 'state/provenance', `sha256-${digest}.intoto.json`);
    const { payload, payloadType, signatures } = JSON.parse(await readFile(file, 'utf8'));
    const statement = Buffer.from(payload, 'base64');
    // The encoding that DSSE signs.
    const signed = Buffer.concat([
      Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} `),
      statement,
    ]);
    expect(verify('sha256', signed, publicKey, Buffer.from(signatures[0].sig, 'base64'))).toBe(true);
    expect(
      verify('sha256', Buffer.concat([signed, Buffer.from(' ')]), publicKey, Buffer.from(signatures[0].sig, 'base64')),
    ).toBe(false);
    expect(JSON.parse(statement.toString())).toMatchObject({
      subject: [{ name: `${open.host}/signed:latest`, digest: { sha256: digest } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { buildDefinition: { externalParameters: { buildArgs: { BASE_IMAGE: 'scratch' } } } },
    });
    await writeFile(key, 'no key');
    await expect(images.runtime()).rejects.toMatchObject({ type: 'InvalidConfig' });
  }, 60_000);

  test('without docker.push it stays on this host', async () => {
    const { images } = systemFor('mediwatch-test/local', { MEDIWATCH_DOCKER_PUSH: 'false' });
    const built = await images.runtime();
    expect(built).toMatchObject({ pushed: false, reference: built.imageId });
  }, 60_000);

  test('a push with a login from a file works, and the password is nowhere to be seen', async () => {
    const passwordFile = join(dir, 'password');
    await writeFile(passwordFile, `${ROBOT.password}\n`);
    const login = { MEDIWATCH_DOCKER_USERNAME: ROBOT.username, MEDIWATCH_DOCKER_PASSWORD_FILE: passwordFile };
    const { images } = systemFor(`${guarded.host}/secret`, login);
    expect(await images.runtime()).toMatchObject({ pushed: true });
    for (const log of ['docker-build.log', 'docker-push.log']) {
      expect(await readFile(join(dir, 'state/logs', log), 'utf8')).not.toContain(ROBOT.password);
    }
  }, 60_000);

  test.for([
    ['with a wrong password', 'robot', /as robot \(docker\.username, docker\.passwordFile\)/],
    ['without a login', '', /with what "docker login .*" has stored on this host/],
  ] as const)('a push %s is denied for good, and says which login is missing', async ([, username, who]) => {
    const passwordFile = join(dir, 'wrong-password');
    await writeFile(passwordFile, 'wrong');
    const repository = `${guarded.host}/denied`;
    const { images } = systemFor(repository, {
      MEDIWATCH_DOCKER_USERNAME: username,
      MEDIWATCH_DOCKER_PASSWORD_FILE: username && passwordFile,
    });
    const denied = images.runtime();
    await expect(denied).rejects.toMatchObject({ name: 'DockerError', type: 'PushDenied' });
    await expect(denied).rejects.toThrow(who);
    await expect(denied).rejects.toThrow(new RegExp(`write access to ${repository}`));
    expect(await localTags(repository)).toEqual([]);
  });

  test('a registry that is away is tried again', async () => {
    const { images } = systemFor('127.0.0.1:9/away');
    await expect(images.runtime()).rejects.toMatchObject({ type: 'DockerUnavailable' });
  });

  test('a build that fails shows the end of its output, and leaves no container', async () => {
    const dockerfile = join(dir, 'Broken');
    await writeFile(dockerfile, 'FROM scratch\nCOPY absent /absent\n');
    const { images } = systemFor('mediwatch-test/broken', { MEDIWATCH_DOCKER_DOCKERFILE: dockerfile });
    await expect(images.runtime()).rejects.toMatchObject({ type: 'BuildFailed', message: /absent/ });
    expect(await localTags('mediwatch-test/broken')).toEqual([]);
  });

  test('a missing Dockerfile is a wrong configuration', async () => {
    const { images } = systemFor('mediwatch-test/none', { MEDIWATCH_DOCKER_DOCKERFILE: join(dir, 'none') });
    await expect(images.runtime()).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: /The Dockerfile .* cannot/,
    });
  });

  test('its labels say what went into it', async () => {
    const repository = 'mediwatch-test/labels';
    const { images } = systemFor(repository, { MEDIWATCH_DOCKER_PUSH: 'false' });
    await images.runtime();
    const labels = JSON.parse(
      await docker('image', 'inspect', '--format', '{{json .Config.Labels}}', `${repository}:latest`),
    );
    expect(labels).toMatchObject({ 'mediwatch.inputs': expect.stringMatching(/^[0-9a-f]{64}$/) });
  });
});

async function remoteDigest({ host }: TestRegistry, repository: string, tag: string): Promise<string | null> {
  const accept = 'application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  return answer.headers.get('docker-content-digest');
}
