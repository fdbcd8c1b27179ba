import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, dockerProblem, ensureDaemon } from '../support/docker.ts';
import { startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { type Bench, buildFixture, openBench, RECORDS } from './support.ts';

const problem =
  (await dockerProblem()) ?? (process.getuid?.() === 0 ? null : 'only root can start a daemon to stop it');
const skipped = problem ? ` (skipped: ${problem})` : '';
const REPOSITORY = 'mediwatch-test/daemon';
const BRIDGE = 'mwtest0';

/** A daemon of this test's own, beside the one that other tests use. */
async function startOwnDaemon(dir: string) {
  const socket = `unix://${join(dir, 'docker.sock')}`;
  const places = ['--data-root', '--exec-root', '--pidfile'].flatMap((option) => [option, join(dir, option.slice(2))]);
  // Without rules for packets, which are the other daemon's: containers and this host reach each other all the same.
  const network = ['--bridge', BRIDGE, '--iptables=false', '--ip-masq=false', '--ip-forward=false'];
  const args = ['--host', socket, ...places, ...network, '--live-restore'];
  const daemon = execa('dockerd', args, { detached: true, reject: false, stdio: 'ignore' });
  const answers = async () => (await execa('docker', ['--host', socket, 'version'], { reject: false })).exitCode === 0;
  await until(answers, { timeoutMs: 60_000, what: 'the second Docker daemon' });
  return {
    socket,
    async stop() {
      daemon.kill('SIGTERM');
      await daemon;
    },
  };
}

describe.skipIf(problem)(`a Docker daemon that stops${skipped}`, () => {
  let own: Awaited<ReturnType<typeof startOwnDaemon>>;
  let bench: Bench;
  let dir: string;

  beforeAll(async () => {
    await ensureDaemon();
    await buildFixture(REPOSITORY);
    const name = `${REPOSITORY}:latest`;
    await execa('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
    await execa('ip', ['addr', 'add', '172.31.251.1/24', 'dev', BRIDGE]);
    await execa('ip', ['link', 'set', BRIDGE, 'up']);
    dir = await mkdtemp(join(tmpdir(), 'mw-dockerd-'));
    own = await startOwnDaemon(dir);
    const image = execa('docker', ['save', name], { buffer: false, encoding: 'buffer' });
    await image.pipe('docker', ['--host', own.socket, 'load']);
    await docker('rmi', name);
    process.env.DOCKER_HOST = own.socket;
    bench = await openBench({
      repository: REPOSITORY,
      versions: 2,
      env: { MEDIWATCH_DOCKER_PUSH: 'false', MEDIWATCH_DOCKER_SUBNETS: '172.31.251.0/24' },
    });
  }, 300_000);

  afterAll(async () => {
    await bench?.close();
    await own?.stop();
    delete process.env.DOCKER_HOST;
    await execa('ip', ['link', 'del', BRIDGE], { reject: false });
    // With live-restore a daemon leaves its folder mounted on itself.
    await execa('umount', ['--recursive', '--lazy', join(dir, 'data-root')], { reject: false });
    await rm(dir, { recursive: true, force: true });
  }, 120_000);

  test('does not stop what serves, makes a redeploy try again, and lets it go on when it is back', async () => {
    await bench.deploy('one', '1');
    const load = startLoad({ apiUrl: bench.gateway.apiUrl, requestsPerSecond: 50, records: RECORDS });
    await bench.target.start({ key: 'two', model: 'Small', version: '2' });

    await own.stop();
    const refused = { name: 'DockerError', type: 'DockerUnavailable' };
    await expect(bench.target.state('two')).rejects.toMatchObject(refused);
    await expect(bench.target.start({ key: 'two', model: 'Small', version: '2' })).rejects.toMatchObject(refused);
    const before = load.sent();
    await until(() => load.sent() > before + 100, { timeoutMs: 20_000, what: '100 requests without a daemon' });

    own = await startOwnDaemon(dir);
    await bench.deploy('two', '2');
    await bench.target.stop('one', { drainMs: 5_000 });
    const answers = await load.stop();
    expect(answers.filter(({ failure }) => failure)).toEqual([]);
    expect(answers.at(-1)?.version).toBe('2');
    expect(await bench.containers()).toEqual(['mediwatch-two']);
  }, 120_000);
});
