import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDocker } from '../../src/systems/docker/client.ts';
import { createContainers } from '../../src/systems/steps/container.ts';
import { baseImage, docker, dockerProblem, ensureDaemon, ROBOT, startRegistry } from '../support/docker.ts';
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
  const guarded = { image: '', logout: async () => {} };
  const home = process.env.HOME;

  /** Variables that docker's client would take for its own, and such as no file of variables can hold. */
  const AWKWARD = {
    PATH: '/nowhere',
    DOCKER_HOST: 'tcp://127.0.0.1:1',
    https_proxy: 'http://127.0.0.1:1',
    LINES: 'first\nSECOND=line\n',
    QUOTED: ' "$HOME" # \\n ',
    HTTP_PROXY: 'http://127.0.0.1:1\n',
    LONG: 'x'.repeat(70_000),
  };

  /** An image that only who is logged in can pull; the login is in a home of its own, as "docker login" keeps it. */
  async function guard(): Promise<void> {
    const registry = await startRegistry({ auth: true });
    const own = mkdtempSync(join(tmpdir(), 'mediwatch-home-'));
    guarded.image = `${registry.host}/private:1`;
    guarded.logout = async () => {
      process.env.HOME = home;
      await docker('rmi', '--force', guarded.image).catch(() => undefined);
      await registry.stop();
      rmSync(own, { recursive: true, force: true });
    };
    const env = { HOME: own };
    const login = ['login', '--username', ROBOT.username, '--password-stdin', registry.host];
    await execa('docker', login, { env, input: ROBOT.password });
    await docker('tag', image, guarded.image);
    await execa('docker', ['push', guarded.image], { env });
    await docker('rmi', guarded.image);
    process.env.HOME = own;
  }

  beforeAll(async () => {
    await ensureDaemon();
    image = await baseImage();
    await guard();
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
          { name: 'private', before: 'promote', image: guarded.image, command: ['true'] },
          {
            name: 'awkward',
            before: 'promote',
            image,
            command: [
              '/usr/bin/python3',
              '-c',
              'import json, os; json.dump(dict(os.environ), open("found.json", "w"))'.replace(/[{}]/g, '$&$&'),
            ],
            env: AWKWARD,
          },
          {
            name: 'confined',
            before: 'promote',
            image,
            command: [...['sh', '-c'], 'touch /tmp/x && (touch /etc/x || cat /proc/self/status) > found.txt 2>&1'],
          },
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
    await guarded.logout();
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

  it('has variables that docker would take for its own, and of several lines; none is left in a file', async () => {
    await extra('awkward');
    const found = JSON.parse(readFileSync(join(project.dir, 'found.json'), 'utf8'));
    expect(found).toMatchObject(AWKWARD);
    const work = join(project.dir, '.mediwatch', 'work');
    expect(found.HOME.startsWith(work)).toBe(true);
    expect((readdirSync(work, { recursive: true }) as string[]).filter((name) => name.endsWith('.env'))).toEqual([]);
  });

  it('has no capability, gains none, and changes nothing of its image', async () => {
    await extra('confined');
    const found = readFileSync(join(project.dir, 'found.txt'), 'utf8');
    expect(found).toContain('Read-only file system');
    expect(found).toMatch(/^CapEff:\t0+$/m);
    expect(found).toMatch(/^NoNewPrivs:\t1$/m);
  });

  it('shows none of its variables in the list of processes, and leaves its attempts apart', async () => {
    const opened = createContainers(project.config);
    const folder = join(elsewhere, 'attempt');
    mkdirSync(folder);
    const contained = {
      image,
      command: ['sleep', '600'],
      cwd: folder,
      env: { TOKEN: 'secret', KEY: 'secret\nlines' },
      writable: [folder],
      readable: [],
      home: folder,
      memoryLimitMb: 512,
      key: 'w/attempts',
    };
    const running = async () => await containers('mediwatch.step=w/attempts');
    const started = async (before: string[]) => (await running()).some((id) => !before.includes(id));
    const { promise: end, resolve: endLate } = Promise.withResolvers<void>();
    const attempt = async (until: Promise<void>, command: string[], env: Record<string, string>) => {
      expect(command.join(' ')).not.toContain('secret');
      execa(command[0] as string, command.slice(1), { env, reject: false });
      await until;
    };
    try {
      const late = opened.contain(contained, (command, env) => attempt(end, command, env));
      await until(() => started([]), { timeoutMs: 60_000, what: 'the first attempt' });
      const before = await running();
      const next = opened.contain(contained, async (command, env) => {
        await attempt(Promise.resolve(), command, env);
        await until(() => started(before), { timeoutMs: 60_000, what: 'the second attempt' });
        endLate();
        await late;
        expect(await running()).toHaveLength(1);
      });
      await next;
      expect(await running()).toEqual([]);
    } finally {
      for (const id of await running()) await createDocker().remove(id);
      await opened.close();
    }
  });

  it('is pulled with the login of whoever runs the worker', async () => {
    await extra('private');
  });

  it('whose image cannot be one is reported as a wrong setting', async () => {
    await expect(extra('nowhere')).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: expect.stringContaining('Not/An/Image'),
    });
  });
});
