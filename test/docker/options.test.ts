import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSecret } from '../../src/systems/checkSecret.ts';
import { send } from '../gateway/support.ts';
import {
  baseImage,
  docker,
  dockerProblem,
  ensureDaemon,
  localTags,
  oneAtATime,
  startRegistry,
  type TestRegistry,
} from '../support/docker.ts';
import { startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { type Bench, openBench, RECORDS } from './support.ts';

const problem = await dockerProblem();
const skipped = problem ? ` (skipped: ${problem})` : '';

describe.skipIf(problem)(`the Docker target${skipped}`, () => {
  let registry: TestRegistry;
  let bench: Bench;

  beforeAll(async () => {
    await ensureDaemon();
    registry = await startRegistry();
    const env = { MEDIWATCH_DOCKER_BASE_IMAGE: await baseImage(), MEDIWATCH_MLFLOW_TOKEN: 'token-of-mlflow' };
    bench = await openBench({ repository: `${registry.host}/mediwatch/api`, versions: 2, env });
  }, 300_000);

  afterAll(async () => {
    await bench?.close();
    await registry?.stop();
  }, 120_000);

  const predict = async () => (await send('POST', `${bench.gateway.apiUrl}/predict`, { records: RECORDS })).body;

  test('the runtime image is built, pushed, and kept as it is while nothing that goes into it changes', async () => {
    const built = await oneAtATime('layers', () => bench.system.images.runtime());
    expect(built).toMatchObject({
      built: true,
      pushed: true,
      tag: 'latest',
      platforms: [expect.stringMatching(/^linux\/\w+$/)],
    });
    expect(built.note).toMatch(/Only the platform of this host is built, not linux\/amd64 and linux\/arm64/);
    expect(built.reference).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(await registry.tags('mediwatch/api')).toEqual(['latest']);

    const startedAt = performance.now();
    const again = await bench.system.images.runtime();
    expect(again).toMatchObject({ built: false, reference: built.reference });
    expect(performance.now() - startedAt).toBeLessThan(10_000);

    const details = JSON.parse(await docker('image', 'inspect', built.reference))[0];
    expect(details.Config.User).toBe('10001:10001');
    expect(await docker('history', '--no-trunc', built.reference)).not.toMatch(/PIP_/);
  }, 400_000);

  test('versions replace each other and come back under 50 requests a second, and no request fails', async () => {
    await bench.deploy('one', '1');
    expect((await predict()).model_version).toBe('1');
    const [{ HostConfig }] = JSON.parse(await docker('inspect', 'mediwatch-one'));
    const confined = { CapDrop: ['ALL'], ReadonlyRootfs: true, SecurityOpt: ['no-new-privileges'], PidsLimit: 1_024 };
    expect(HostConfig).toMatchObject(confined);
    const load = startLoad({ apiUrl: bench.gateway.apiUrl, requestsPerSecond: 50, records: RECORDS });

    await bench.deploy('two', '2');
    await bench.target.stop('one', { drainMs: 5_000 });
    expect(await bench.target.serving()).toMatchObject({ key: 'two', version: '2' });
    await bench.deploy('one-again', '1');
    await bench.target.stop('two', { drainMs: 5_000 });
    // However fast that was: some go to the version that came back.
    await until(() => load.sent() >= 200, { timeoutMs: 20_000, what: 'enough requests' });
    const answers = await load.stop();

    expect(answers.filter(({ failure }) => failure)).toEqual([]);
    expect(new Set(answers.map(({ version }) => version))).toEqual(new Set(['1', '2']));
    expect(await bench.containers()).toEqual(['mediwatch-one-again']);
    expect(await bench.target.idle()).toEqual([]);
    // What they wrote is kept: the predictions in one file for all, the log of each container that was removed.
    const predictions = (await readFile(join(bench.config.stack.dir, 'predictions/predictions.csv'), 'utf8')).trim();
    expect(predictions.split('\n')).toHaveLength(1 + 1 + answers.length);
    expect((await stat(join(bench.config.stack.dir, 'logs/containers/mediwatch-two.log'))).size).toBeGreaterThan(0);
  }, 180_000);

  test('a container says what it is, is limited, and is found by its key again', async () => {
    const { url } = await bench.target.start({ key: 'one-again', model: 'Small', version: '1' });
    const [details] = JSON.parse(await docker('inspect', 'mediwatch-one-again'));
    expect(details.Config.Labels).toMatchObject({
      'mediwatch.key': 'one-again',
      'mediwatch.model': 'Small',
      'mediwatch.version': '1',
      'mediwatch.run': expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(details.HostConfig).toMatchObject({
      Init: true,
      Memory: 2048 * 2 ** 20,
      RestartPolicy: { Name: 'unless-stopped' },
      PortBindings: null,
    });
    expect(details.Config.Env).toContain('MLFLOW_MODEL_VERSION=1');
    // Whoever may use the daemon reads the environment of a container, not its files.
    expect(JSON.stringify(details)).not.toMatch(/of-mlflow|CHECK_SECRET/);
    const secrets = JSON.parse(await docker('exec', details.Id, 'cat', '/run/secrets/mediwatch.json'));
    expect(secrets).toEqual({ MLFLOW_TRACKING_TOKEN: 'token-of-mlflow', API_CHECK_SECRET: checkSecret(bench.config) });
    const environment = await docker('exec', details.Id, 'sh', '-c', 'cat /proc/[0-9]*/environ | tr "\\0" "\\n"');
    expect(environment).not.toMatch(/of-mlflow|CHECK_SECRET/);
    expect(url).toBe(`http://${details.NetworkSettings.IPAddress}:8000`);
  });

  test('a container that crashes while it serves is started again by Docker, and found under its new address', async () => {
    const [details] = JSON.parse(await docker('inspect', 'mediwatch-one-again'));
    process.kill(details.State.Pid, 'SIGKILL');
    const served = async () => (await predict().catch(() => ({}))).model_version === '1';
    const restarted = async () => (await docker('inspect', '--format', '{{.RestartCount}}', details.Id)) !== '0';
    await until(restarted, { timeoutMs: 20_000, what: 'Docker to start it again' });
    await until(served, { timeoutMs: 60_000, what: 'it to serve again' });
  }, 90_000);

  test('a version is baked into an image, which is pushed, runs by its digest, and gets its tags when it serves', async () => {
    const { deploy, system, target } = bench.withDocker({ option: 'baked', releaseTag: 'v0.4.0' });
    await deploy('baked-two', '2');
    await target.stop('one-again', { drainMs: 5_000 });
    expect((await predict()).model_version).toBe('2');
    expect((await registry.tags('mediwatch/api')).sort()).toEqual(['latest', 'v0.4.0', 'v2', 'withmodel']);

    const [details] = JSON.parse(await docker('inspect', 'mediwatch-baked-two'));
    expect(details.Config.Image).toMatch(/^127\.0\.0\.1:\d+\/mediwatch\/api@sha256:[0-9a-f]{64}$/);
    expect(details.Config.Env.join(' ')).not.toMatch(/MLFLOW_TRACKING_URI/);
    expect(details.Config.Labels).toMatchObject({
      'mediwatch.key': 'baked-two',
      'mediwatch.run': expect.stringMatching(/^[0-9a-f]{32}$/),
      'mediwatch.digest': expect.stringMatching(/^[0-9a-f]{64}$/),
      'org.opencontainers.image.version': '2',
    });

    const again = await system.images.bake('Small', '2');
    expect(again).toMatchObject({ built: false, version: '2', reference: details.Config.Image });
  }, 300_000);

  test('a baked image needs neither MLflow nor a mount', async () => {
    const id = await docker('run', '--detach', '--label', 'mediwatch.gateway=alone', `${bench.repository}:withmodel`);
    try {
      const url = `http://${await docker('inspect', '--format', '{{.NetworkSettings.IPAddress}}', id)}:8000`;
      const health = async () => (await send('GET', `${url}/health`).catch(() => null))?.body;
      const ready = await until(async () => ((await health())?.status === 'ok' ? health() : null), {
        timeoutMs: 60_000,
        what: 'the container to serve',
      });
      expect(ready).toMatchObject({ model_name: 'Small', model_version: '2', model_source: 'local' });
    } finally {
      await docker('rm', '--force', id);
    }
  }, 90_000);

  test('a baked candidate that fails leaves neither a container nor a tag on this host', async () => {
    const before = await localTags(bench.repository);
    const { bringUp, target } = bench.withDocker({ option: 'baked', env: { MODEL_VERSION: '99' } });
    await expect(bringUp('baked-wrong', '1')).rejects.toThrow(/it serves version 99 of Small, but version 1/);
    expect(await target.idle()).toEqual(['baked-wrong']);
    await target.stop('baked-wrong', { drainMs: 0 });
    expect(await target.idle()).toEqual([]);
    expect(await localTags(bench.repository)).toEqual(before);
    expect(await bench.containers()).toEqual(['mediwatch-baked-two']);
    expect((await predict()).model_version).toBe('2');
  }, 200_000);
});
