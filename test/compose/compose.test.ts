import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DriftCheckResult, RetrainResult } from '../../src/contracts/workflows.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mediwatch } from '../support/command.ts';
import { until } from '../support/until.ts';
import { buildService, type ComposedService } from './support/compose.ts';
import { whyNot } from './support/programs.ts';

const MODEL = 'MediWatchReadmit';
/** Images are built from source the first time. */
const BUILD_MS = 2_700_000;
/** For all services, one after the other, and for a retrain on a busy machine. */
const UP_MS = 600_000;

interface Outcome {
  workflowId: string;
  result: RetrainResult;
}

const reason = await whyNot();
if (reason) console.warn(`Skipped: docker-compose.yml is not run, because ${reason}.`);

/** The tests build on one another, as the days of a service do. */
describe.skipIf(reason)('docker-compose.yml', { timeout: UP_MS }, () => {
  let service: ComposedService;
  let mlflow: Mlflow;
  let retrain: Outcome;
  const containers = async () =>
    (await service.compose('ps', '--all', '--format', 'json'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { Service: string; State: string; Health: string; ExitCode: number });
  const predict = async () => {
    const api = `http://127.0.0.1:${service.ports.API_PORT}`;
    const { example } = (await (await fetch(`${api}/schema`)).json()) as { example: unknown };
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${api}/predict`, { method: 'POST', headers, body: JSON.stringify(example) });
    return { status: answer.status, body: (await answer.json()) as { model_version: string } };
  };

  beforeAll(async () => {
    service = await buildService();
    mlflow = createMlflow({ uri: `http://127.0.0.1:${service.ports.MLFLOW_PORT}`, timeoutMs: 30_000 });
    await service.compose('up', '--detach', '--wait', '--wait-timeout', String(UP_MS / 1_000));
  }, BUILD_MS);
  afterAll(async () => {
    await mlflow?.close();
    await service?.dispose();
  }, 120_000);

  test('every service is healthy, and every task has done its work', async () => {
    for (const { Service, State, Health, ExitCode } of await containers()) {
      const isTask = ['temporal-schema', 'temporal-namespace'].includes(Service);
      const expected = isTask ? { State: 'exited', ExitCode: 0 } : { State: 'running', Health: 'healthy' };
      expect({ State, Health, ExitCode }, Service).toMatchObject(expected);
    }
  });

  test('no container runs as root or holds the Docker socket, and no port is open beyond loopback', async () => {
    const ids = (await service.compose('ps', '--quiet')).split('\n').filter(Boolean);
    expect(ids).toHaveLength(9);
    const { stdout } = await execa('docker', ['inspect', ...ids]);
    for (const { Name, Config, HostConfig, Mounts } of JSON.parse(stdout)) {
      expect(Config.User, Name).not.toMatch(/^(|0|root)(:|$)/);
      expect(HostConfig.Privileged, Name).toBe(false);
      expect(HostConfig.Memory, Name).toBeGreaterThan(0);
      expect(HostConfig.PidsLimit, Name).toBeGreaterThan(0);
      expect(HostConfig.CapDrop, Name).toEqual(['ALL']);
      expect(HostConfig.ReadonlyRootfs || Name.includes('temporal-ui'), Name).toBe(true);
      expect(JSON.stringify(Mounts), Name).not.toContain('docker.sock');
      const bindings = Object.values(HostConfig.PortBindings ?? {}).flat() as Array<{ HostIp: string }>;
      for (const { HostIp } of bindings) expect(HostIp, Name).toBe('127.0.0.1');
    }
  });

  test('no password is in the environment or the arguments of a container', async () => {
    const ids = (await service.compose('ps', '--all', '--quiet')).split('\n').filter(Boolean);
    const { stdout } = await execa('docker', ['inspect', ...ids]);
    const passwords = await service.compose('exec', '-T', 'postgres', 'sh', '-c', 'tail -qn +1 /run/secrets/*');
    const each = passwords.match(/[0-9a-f]{64}/g) ?? [];
    expect(each).toHaveLength(3);
    for (const password of each) expect(stdout).not.toContain(password);
  });

  test('the web UI of Temporal knows the namespace', async () => {
    const answer = await fetch(`http://127.0.0.1:${service.ports.TEMPORAL_UI_PORT}/api/v1/namespaces/default`);
    expect(answer.status).toBe(200);
  });

  test('a retrain that is started on the host ends in a served version', async () => {
    const { exitCode, json, stderr } = await mediwatch<Outcome>(service.env, 'retrain', '--trials', '2', '--follow');
    expect(exitCode, stderr).toBe(0);
    retrain = json;
    expect(json.result.version.version).toBe('1');
    expect(await predict()).toMatchObject({ status: 200, body: { model_version: '1' } });
  });

  test('the command runs in a container too, for a host without Node', async () => {
    const status = await service.compose('run', '--rm', '-T', 'mediwatch', 'status', '--json');
    expect(status).toContain(retrain.workflowId);
  });

  test('an alert comes in by the webhook, signed with the secret that was made for it', async () => {
    const env = {
      ...service.env,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      MEDIWATCH_WEBHOOK_SECRET_FILE: join(service.secrets, 'webhook_secret'),
    };
    // Paused, it counts the alert and starts nothing.
    expect(await mediwatch(service.env, 'steward', 'pause')).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await mediwatch(env, 'alert', '--webhook', '--reason', 'a test');
    expect(exitCode, stderr).toBe(0);
    const { json } = await mediwatch(service.env, 'steward');
    expect(json).toMatchObject({ state: { counted: 1, phase: 'paused' } });
  });

  test('the drift check reads the prediction log of the API', async () => {
    const { exitCode, json, stderr } = await mediwatch<{ result: DriftCheckResult }>(service.env, 'drift', 'check');
    expect(exitCode, stderr).toBe(0);
    expect(json.result).toMatchObject({ verdict: 'skipped', grounds: { code: 'tooFewRows' } });
  });

  test('"down" and "up" lose nothing: version, registry, history, prediction log', async () => {
    await service.compose('down');
    expect(await containers()).toEqual([]);
    await service.compose('up', '--detach', '--wait', '--wait-timeout', String(UP_MS / 1_000));

    const serves = async () => (await predict().catch(() => undefined))?.body.model_version === '1';
    await until(serves, { timeoutMs: 60_000, what: 'version 1 to serve again' });
    expect(await mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Production', aliases: ['champion'] });
    const { json } = await mediwatch<Outcome>(service.env, 'follow', retrain.workflowId);
    expect(json.result.version).toEqual(retrain.result.version);
    const log = await service.compose(
      'exec',
      '-T',
      'gateway',
      '/bin/cat',
      '/var/lib/mediwatch/predictions/predictions.csv',
    );
    expect(log.trim().split('\n').length).toBeGreaterThanOrEqual(3);
  });
});
