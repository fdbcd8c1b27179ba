import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { processTable } from '../../../src/systems/processes/processTable.ts';
import { createContainers } from '../../../src/systems/steps/container.ts';
import { createGpus, gpusOf } from '../../../src/systems/steps/gpus.ts';
import { createProject, type TestProject } from '../../support/project.ts';
import { until } from '../../support/until.ts';
import { living } from '../processes/support.ts';
import { createStepBench, type StepBench } from './bench.ts';

// No machine of ours has a GPU: a program named nvidia-smi on the PATH says that there are some.

const never = new AbortController().signal;
const wanting = (gpus: number) => ({ name: 'steps.train', gpus });

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mediwatch-gpus-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const variables = { PATH: process.env.PATH, CUDA_VISIBLE_DEVICES: process.env.CUDA_VISIBLE_DEVICES };
delete process.env.CUDA_VISIBLE_DEVICES;
afterEach(() => {
  process.env.PATH = variables.PATH;
  delete process.env.CUDA_VISIBLE_DEVICES;
});

/** A host with two GPUs; gives how often it was asked for them. */
function fakeHost(): () => number {
  const dir = folder();
  const asked = join(dir, 'asked');
  writeFileSync(asked, '');
  writeFileSync(join(dir, 'nvidia-smi'), `#!/bin/sh\necho "$@" >> ${asked}\necho 0\necho 1\n`);
  chmodSync(join(dir, 'nvidia-smi'), 0o755);
  process.env.PATH = `${dir}:${variables.PATH}`;
  return () => readFileSync(asked, 'utf8').split('\n').length - 1;
}

describe('GPUs', () => {
  it('are of one step at a time, and whoever wants two is not overtaken', async () => {
    const gpus = createGpus(async () => ['0', 'GPU-b']);
    const first = await gpus.take(wanting(1), never);
    const second = await gpus.take(wanting(1), never);
    expect([first.ids, second.ids]).toEqual([['0'], ['GPU-b']]);
    const order: string[][] = [];
    const take = async (count: number) => {
      const taken = await gpus.take(wanting(count), never);
      order.push([...taken.ids]);
      return taken;
    };
    const both = take(2);
    const last = take(1);
    first.release();
    await tick();
    second.release();
    (await both).release();
    (await last).release();
    expect(order).toEqual([['0', 'GPU-b'], ['0']]);
  });

  it('are not lost to one who stops waiting', async () => {
    const gpus = createGpus(async () => ['0']);
    const { release } = await gpus.take(wanting(1), never);
    const impatient = new AbortController();
    const waiting = [gpus.take(wanting(1), impatient.signal), gpus.take(wanting(1), impatient.signal)];
    impatient.abort();
    for (const one of await Promise.allSettled(waiting)) expect(one.status).toBe('rejected');
    release();
    expect((await gpus.take(wanting(1), never)).ids).toEqual(['0']);
  });

  it('are refused at once to a step that wants more than there are', async () => {
    await expect(createGpus(async () => ['0']).take(wanting(2), never)).rejects.toMatchObject({
      type: 'InvalidConfig',
      code: 'tooFewGpus',
    });
  });

  it('are those that are named, those of the worker itself, or those that nvidia-smi names', async () => {
    const of = (gpus: Parameters<typeof gpusOf>[0]['gpus'], env = {}) =>
      gpusOf({ gpus }, { PATH: process.env.PATH, ...env });
    expect(await of('auto', { PATH: folder() })).toEqual([]);
    fakeHost();
    expect(await of('auto')).toEqual(['0', '1']);
    expect(await of('auto', { CUDA_VISIBLE_DEVICES: '3, 5' })).toEqual(['3', '5']);
    expect(await of('auto', { CUDA_VISIBLE_DEVICES: '-1' })).toEqual([]);
    expect(await of(3)).toEqual(['0', '1', '2']);
    expect(await of('3')).toEqual(['0', '1', '2']);
    expect(await of(['MIG-1/1/0', 4])).toEqual(['MIG-1/1/0', '4']);
  });
});

describe.runIf(process.platform === 'linux')('a GPU of another worker', () => {
  it('is free only when the step that has it is gone, which is ended when worker and reaper were killed', async () => {
    const id = `GPU-${process.pid}`;
    const holder = execa(process.execPath, [join(import.meta.dirname, 'fixtures/gpuHolder.ts'), folder(), id], {
      buffer: false,
      reject: false,
      stderr: 'inherit',
    });
    onTestFinished(() => void holder.kill('SIGKILL'));
    const [line] = await once(holder.stdout, 'data');
    const pids = Object.values(JSON.parse(String(line)) as Record<string, number>);
    const gpus = createGpus(async () => [id]);
    await expect(gpus.take(wanting(1), AbortSignal.timeout(500))).rejects.toThrow();

    // Its reaper is its child that carries no tag.
    const isReaper = ({ ppid, tag }: { ppid: number; tag?: string }) => ppid === holder.pid && tag === undefined;
    const reaper = await until(async () => (await processTable()).find(isReaper), {
      timeoutMs: 5_000,
      what: 'a reaper',
    });
    process.kill(reaper.pid, 'SIGSTOP');
    holder.kill('SIGKILL');
    process.kill(reaper.pid, 'SIGKILL');
    await holder;
    expect(await living(pids)).toHaveLength(pids.length);

    expect((await gpus.take(wanting(1), never)).ids).toEqual([id]);
    expect(await living(pids)).toEqual([]);
  });
});

describe('a step', () => {
  let project: TestProject;
  let bench: StepBench;
  afterEach(async () => {
    await bench?.close();
    project?.remove();
  });

  async function open(steps: Record<string, object>, settings: object = {}): Promise<void> {
    const extraSteps = Object.entries(steps).map(([name, step]) => ({
      name,
      before: 'prepareData',
      command: ['python3', 'world.py', `{workDir}/../../${name}.json`],
      ...step,
    }));
    project = createProject({ extraSteps, mlflow: { uri: 'http://127.0.0.1:9' }, ...settings });
    bench = await createStepBench(project.config);
  }

  const run = (name: string) =>
    bench.call('runExtraStep', {
      registeredModel: project.config.registry.registeredModel,
      name,
      data: 'data.csv',
      model: 'hgb',
      seed: 7,
      dataset: null,
      version: '3',
      key: `w/extra/${name}`,
    });

  /** The environment that a step found. */
  async function environmentOf(name: string): Promise<Record<string, string>> {
    await run(name);
    const work = join(project.dir, '.mediwatch', 'work');
    const [host = ''] = readdirSync(work);
    return JSON.parse(readFileSync(join(work, host, `${name}.json`), 'utf8')).env;
  }

  it('has other GPUs than one that runs beside it, and the host is asked once', async () => {
    const asked = fakeHost();
    // Each waits for the other, so that both run at once.
    const meet = `import os, sys, time
mine, other = sys.argv[1:]
open(mine, "w").write(os.environ["CUDA_VISIBLE_DEVICES"] + " " + os.environ["CUDA_DEVICE_ORDER"])
while not os.path.exists(other): time.sleep(0.02)`;
    const dir = folder();
    const [one, two] = [join(dir, 'one'), join(dir, 'two')];
    await open({
      one: { gpus: 1, command: ['python3', '-c', meet, one, two] },
      two: { gpus: 1, command: ['python3', '-c', meet, two, one] },
    });
    await Promise.all([run('one'), run('two')]);
    expect([one, two].map((file) => readFileSync(file, 'utf8')).sort()).toEqual(['0 PCI_BUS_ID', '1 PCI_BUS_ID']);
    expect(asked()).toBe(1);
  });

  it('without GPUs sees none where another one has some, unless it passes or sets them itself', async () => {
    process.env.CUDA_VISIBLE_DEVICES = '0,1';
    await open({
      wants: { gpus: 2 },
      plain: {},
      passes: { passEnv: ['CUDA_VISIBLE_DEVICES'] },
      sets: { env: { CUDA_VISIBLE_DEVICES: '7' } },
    });
    const seen = async (name: string) => (await environmentOf(name)).CUDA_VISIBLE_DEVICES;
    expect([await seen('wants'), await seen('plain'), await seen('passes'), await seen('sets')]).toEqual([
      '0,1',
      '',
      '0,1',
      '7',
    ]);
  });

  it('sees what the worker sees where no step asks for a GPU, and nobody asks the host', async () => {
    const asked = fakeHost();
    await open({ plain: {} });
    expect(await environmentOf('plain')).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
    process.env.CUDA_VISIBLE_DEVICES = '5';
    expect(await environmentOf('plain')).toMatchObject({ CUDA_VISIBLE_DEVICES: '5' });
    expect(asked()).toBe(0);
  });

  it('with more GPUs than the host has is refused, with its setting', async () => {
    fakeHost();
    await open({ greedy: { gpus: 3 } });
    await expect(run('greedy')).rejects.toMatchObject({
      type: 'InvalidConfig',
      nonRetryable: true,
      cause: { code: 'tooFewGpus', message: expect.stringContaining('extraSteps.greedy.gpus') },
    });
  });

  it('with cores computes with so many threads, and with a memory limit of its own is killed at that', async () => {
    const hoard = 'import time; hoard = bytearray(400_000_000); time.sleep(60)';
    await open({ wide: { cores: 2 }, large: { memoryMb: 200, command: ['python3', '-c', hoard] } });
    expect(await environmentOf('wide')).toMatchObject({ OMP_NUM_THREADS: '2' });
    await expect(run('large')).rejects.toMatchObject({ type: 'StepOutOfMemory' });
  });
});

describe('a container', () => {
  const noDocker = { labelled: async () => [], remove: async () => undefined } as never;

  it('is given its GPUs and cores by Docker', async () => {
    const project = createProject({});
    onTestFinished(() => project.remove());
    const home = join(project.dir, 'work');
    mkdirSync(home);
    const start = async (more: { gpus?: string[]; cores?: number }) => {
      const contained = {
        image: 'image',
        command: ['train'],
        cwd: home,
        env: {},
        writable: [home],
        readable: [],
        home,
      };
      const containers = createContainers(project.config, noDocker);
      return await containers.contain(
        { ...contained, memoryLimitMb: 500, key: 'k', ...more },
        async (command) => command,
      );
    };
    expect(await start({ gpus: ['0', 'GPU-b'], cores: 1 })).toEqual(
      expect.arrayContaining(['--gpus', '"device=0,GPU-b"', '--cpus', '1']),
    );
    const plain = await start({ gpus: [] });
    expect(plain.filter((option) => option === '--gpus' || option === '--cpus')).toEqual([]);
  });
});
