import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { mediwatch } from '../support/command.ts';
import { docker, dockerProblem, ensureDaemon } from '../support/docker.ts';
import { createTestStack, running, type TestStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { buildFixture } from './support.ts';

const problem = await dockerProblem();
const REGISTER = fileURLToPath(new URL('../gateway/fixtures/register_versions.py', import.meta.url));
const IMAGE = 'mediwatch-test/changed';
const MODEL = 'Small';

describe.skipIf(problem)(`a changed deployment.target${problem ? ` (skipped: ${problem})` : ''}`, () => {
  let stack: TestStack;
  let project: string;

  beforeAll(async () => {
    await ensureDaemon();
    await buildFixture(IMAGE);
    project = mkdtempSync(join(tmpdir(), 'mediwatch-target-'));
    const rows = Array.from(
      { length: 300 },
      (_, row) => `${20 + (row % 60)},${row % 4},${row % 60 > 25 || row % 7 === 0 ? 1 : 0}`,
    );
    writeFileSync(join(project, 'visits.csv'), ['age,visits,stays', ...rows].join('\n'));
    writeFileSync(join(project, 'example.json'), JSON.stringify({ records: [{ age: 70, visits: 2 }] }));
    setTarget('docker');
    process.env.MEDIWATCH_CONFIG = join(project, 'mediwatch.yaml');
    stack = await createTestStack();
    await stack.start().up();
    const uri = `http://127.0.0.1:${stack.ports.MLFLOW_PORT}`;
    await execa(join(PROJECT_ROOT, 'python/.venv/bin/python'), [REGISTER, uri, MODEL, '3']);
  }, 400_000);
  afterAll(async () => {
    delete process.env.MEDIWATCH_CONFIG;
    const left = (await containers()).map(({ name }) => name);
    if (left.length > 0) await docker('rm', '--force', '--volumes', ...left);
    await stack?.dispose();
    await docker('rmi', '--force', `${IMAGE}:latest`);
    rmSync(project, { recursive: true, force: true });
  }, 120_000);

  function setTarget(target: string): void {
    const settings = {
      registry: { registeredModel: MODEL },
      data: { path: 'visits.csv', target: 'stays', group: null },
      promotion: { policy: 'always' },
      deployment: { target, example: 'example.json' },
      docker: { image: IMAGE, push: false },
    };
    writeFileSync(join(project, 'mediwatch.yaml'), JSON.stringify(settings));
  }

  /** Promotes a version, which the API follows, once worker and gateway go by the file. */
  async function promote(version: string): Promise<void> {
    await until(inForce, { timeoutMs: 30_000, what: 'worker and gateway to go by the file' });
    const { exitCode, stderr } = await mediwatch(stack.env, 'promote', version, '--follow');
    expect(exitCode, stderr).toBe(0);
  }
  async function inForce(): Promise<boolean> {
    const { json } = await mediwatch<{ settings: { digest: string; inForce: Array<{ digest: string }> } }>(
      stack.env,
      'status',
    );
    return (
      json.settings.inForce.length === 2 && json.settings.inForce.every(({ digest }) => digest === json.settings.digest)
    );
  }
  async function containers(): Promise<Array<{ name: string; version: string }>> {
    const format = '{{.Names}} {{.Label "mediwatch.version"}} {{.Label "mediwatch.gateway"}}';
    const lines = (await docker('ps', '--all', '--format', format)).split('\n').map((line) => line.split(' '));
    return lines.flatMap(([name = '', version = '', gateway]) =>
      gateway?.includes(stack.dir) ? [{ name, version }] : [],
    );
  }
  const apis = () =>
    running(stack.processes(), 'mediwatch_training.serving').map(
      (pid) => /MLFLOW_MODEL_VERSION=(\d+)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))?.[1],
    );
  const served = async () => {
    const answer = await fetch(`http://127.0.0.1:${stack.ports.API_PORT}/health`);
    return ((await answer.json()) as { model_version: string }).model_version;
  };

  test('ends what served before with the next promotion, there and back', async () => {
    await promote('1');
    expect({ served: await served(), containers: await containers(), apis: apis() }).toEqual({
      served: '1',
      containers: [{ name: expect.any(String), version: '1' }],
      apis: [],
    });

    setTarget('process');
    await promote('2');
    expect({ served: await served(), containers: await containers(), apis: apis() }).toEqual({
      served: '2',
      containers: [],
      apis: ['2'],
    });

    setTarget('docker');
    await promote('3');
    expect({ served: await served(), containers: await containers(), apis: apis() }).toEqual({
      served: '3',
      containers: [{ name: expect.any(String), version: '3' }],
      apis: [],
    });
  }, 400_000);
});
