import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContainers } from '../../src/systems/steps/container.ts';
import { baseImage, docker, dockerProblem, ensureDaemon } from '../support/docker.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { createProject, type TestProject } from '../support/project.ts';
import { until } from '../support/until.ts';
import { createStepBench, type StepBench } from '../systems/steps/bench.ts';

const problem = await dockerProblem();

describe.skipIf(problem !== null)(`a step in a container${problem ? ` (${problem})` : ''}`, () => {
  let server: MlflowServer;
  let project: TestProject;
  let bench: StepBench;
  let elsewhere: string;
  let image: string;

  beforeAll(async () => {
    await ensureDaemon();
    image = await baseImage();
    server = await startMlflow();
    elsewhere = mkdtempSync(join(tmpdir(), 'mediwatch-data-'));
    writeFileSync(join(elsewhere, 'data.csv'), 'a\n1\n2\n');
    const command = ['python3', 'contained.py', '{output}', '{data}'];
    project = createProject(
      {
        data: { path: join(elsewhere, 'data.csv') },
        registry: { registeredModel: 'Contained' },
        steps: {
          prepare: { skip: true },
          train: {
            image,
            command,
            outputs: { file: '{output}/metrics.json', modelFile: '{output}/model.json', metrics: { test_auc: 'auc' } },
          },
        },
        extraSteps: [
          { name: 'forever', before: 'promote', image, command: [...command, '--forever'] },
          { name: 'nowhere', before: 'promote', image: 'Not/An/Image', command: ['true'] },
        ],
      },
      { MEDIWATCH_MLFLOW_URI: server.uri },
    );
    bench = await createStepBench(project.config);
  }, 300_000);
  afterAll(async () => {
    await bench?.close();
    project?.remove();
    await server?.stop();
    if (elsewhere) rmSync(elsewhere, { recursive: true, force: true });
  });

  const containers = async (label: string) =>
    (await docker('ps', '--all', '--quiet', '--filter', `label=${label}`)).split('\n').filter(Boolean);
  const extra = (name: string, signal?: AbortSignal) =>
    bench.call(
      'runExtraStep',
      {
        registeredModel: 'Contained',
        name,
        data: join(elsewhere, 'data.csv'),
        model: 'hgb',
        seed: 1,
        dataset: null,
        version: null,
        key: `w/${name}`,
      },
      { activityId: name, ...(signal && { signal }) },
    );

  it('reaches MLflow, writes its output, may only read the data, and sees none of our environment', async () => {
    process.env.HOST_ONLY = 'secret';
    const dataset = await bench.dataset();
    const experimentId = await bench.mlflow.ensureExperiment('mediwatch');
    const { runId } = await bench.mlflow.createRun({ experimentId, name: 'parent' });
    const request = { dataset, data: join(elsewhere, 'data.csv'), model: 'hgb', params: null, seed: 1, trials: [] };
    const trained = await bench.call('trainModel', { ...request, runId, key: 'contained/train' });
    expect(trained.metrics).toEqual({ auc: 0.61, test_auc: 0.61, rows: 3 });
    const written = JSON.parse(await bench.mlflow.getArtifactText(trained.runId, 'model/model.json'));
    expect(written).toMatchObject({ mlflow: expect.stringMatching(/^\d+\./), secret: null });
    expect(await containers('mediwatch.step=contained/train')).toEqual([]);
  });

  it('is gone when the step is cancelled', async () => {
    const cancelled = new AbortController();
    const failed = expect(extra('forever', cancelled.signal)).rejects.toThrow(/cancelled/);
    const runs = async () => (await containers('mediwatch.step=w/forever')).length === 1;
    await until(runs, { timeoutMs: 60_000, what: 'the container' });
    cancelled.abort();
    await failed;
    expect(await containers('mediwatch.step=w/forever')).toEqual([]);
  });

  it('of a worker that is dead is removed by the next one; that of a live one stays', async () => {
    const labelled = (owner: string) =>
      docker('run', '--detach', '--label', `mediwatch.owner=${owner}`, image, 'sleep', '600');
    const orphan = await labelled(`${hostname()}/999999/1`);
    const foreign = await labelled('another-host/1/1');
    try {
      const opened = createContainers(project.config);
      await opened.removeOrphans();
      await opened.close();
      expect(await docker('ps', '--quiet', '--no-trunc')).toContain(foreign);
      expect(await docker('ps', '--all', '--quiet', '--no-trunc')).not.toContain(orphan);
    } finally {
      await docker('rm', '--force', foreign);
    }
  });

  it('whose image cannot be one is told as a wrong setting', async () => {
    await expect(extra('nowhere')).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: expect.stringContaining('Not/An/Image'),
    });
  });
});
