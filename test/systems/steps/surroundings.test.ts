import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../src/config.ts';
import { createProject, type TestProject, VENV } from '../../support/project.ts';
import { createStepBench, type StepBench } from './bench.ts';

let project: TestProject;
let bench: StepBench;
afterEach(async () => {
  delete process.env.PYTHONPATH;
  delete process.env.MEDIWATCH_WEBHOOK_SECRET;
  await bench?.close();
  project?.remove();
});

interface Found {
  args: string[];
  env: Record<string, string>;
  cwd: string;
  prefix: string;
}

/** Runs world.py as an extra step, which needs no MLflow, and tells what it found around it. */
async function look(step: object, before: () => void = () => {}): Promise<Found> {
  const report = '{workDir}/../../found.json';
  project = createProject({
    extraSteps: [{ name: 'look', before: 'prepareData', command: ['python3', 'world.py', report], ...step }],
    mlflow: { uri: 'http://127.0.0.1:9', experiment: 'mine' },
  });
  before();
  bench = await createStepBench(project.config);
  await runExtra();
  const work = join(project.dir, '.mediwatch', 'work');
  const [host = ''] = readdirSync(work);
  return JSON.parse(readFileSync(join(work, host, 'found.json'), 'utf8'));
}

const runExtra = () =>
  bench.call('runExtraStep', {
    registeredModel: project.config.registry.registeredModel,
    name: 'look',
    data: 'data.csv',
    model: 'hgb',
    seed: 7,
    dataset: null,
    version: '3',
    key: 'w/extra/look',
  });

describe('a command', () => {
  it('has placeholders filled in its arguments and its environment', async () => {
    const command = ['python3', 'world.py', '{workDir}/../../found.json', '{version}', '{seed}', '{data}', '{{x}}'];
    const found = await look({ command, env: { MODEL: '{registeredModel}', PYTHONHASHSEED: '{seed}' } });
    expect(found.args).toEqual(['3', '7', join(project.dir, 'data.csv'), '{x}']);
    expect(found.env).toMatchObject({ MODEL: 'MediWatchReadmit', PYTHONHASHSEED: '7' });
    expect(found.cwd).toBe(project.dir);
  });

  it('is told of MLflow, and which runs are its own', async () => {
    const { env } = await look({});
    expect(env).toMatchObject({ MLFLOW_TRACKING_URI: 'http://127.0.0.1:9', MLFLOW_EXPERIMENT_NAME: 'mine' });
    expect(JSON.parse(env.MLFLOW_RUN_CONTEXT ?? '')).toEqual({ 'mediwatch.step': 'w/extra/look' });
    expect(env).not.toHaveProperty('MLFLOW_RUN_ID');
  });

  it('sees neither our package nor our secrets', async () => {
    process.env.PYTHONPATH = `${join(PROJECT_ROOT, 'python')}:/theirs`;
    process.env.MEDIWATCH_WEBHOOK_SECRET = 'secret';
    const { env } = await look({});
    expect(env.PYTHONPATH).toBe('/theirs');
    expect(env).not.toHaveProperty('MEDIWATCH_WEBHOOK_SECRET');
  });

  it('runs in its virtual environment, as if that were activated', async () => {
    const { env, prefix } = await look({ venv: VENV });
    expect(prefix).toBe(VENV);
    expect(env.VIRTUAL_ENV).toBe(VENV);
    expect(env.PATH?.split(':')[0]).toBe(join(VENV, 'bin'));
  });

  it('takes another interpreter in place of python', async () => {
    expect((await look({ python: join(VENV, 'bin/python') })).prefix).toBe(VENV);
  });

  it('names what is wrong with its settings', async () => {
    await expect(look({ venv: 'nowhere' })).rejects.toMatchObject({
      type: 'InvalidConfig',
      cause: { code: 'noVenv', message: expect.stringMatching(/extraSteps\.look\.venv.*nowhere/) },
    });
    await bench.close();
    project.remove();
    await expect(look({ command: ['python3', '{dataset}'] })).rejects.toMatchObject({ type: 'InvalidConfig' });
  });
});

describe('isolation', () => {
  const write = ['sh', '-c', 'cat notes.txt > {workDir}/../../found.json; echo changed > notes.txt; ls -a > list.txt'];
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: project.dir, stdio: 'pipe' });
  const left = () => readdirSync(join(project.dir, '.mediwatch'), { recursive: true }).filter(isProject);
  const isProject = (name: string | Buffer) => String(name).endsWith('/project');

  it('by a copy leaves the project as it was, and nothing of the copy', async () => {
    await look({ command: write, isolate: 'copy' }, () => {
      writeFileSync(join(project.dir, 'notes.txt'), '"as it was"');
    });
    expect(readFileSync(join(project.dir, 'notes.txt'), 'utf8')).toBe('"as it was"');
    expect(existsSync(join(project.dir, 'list.txt'))).toBe(false);
    expect(left()).toEqual([]);
  });

  it('by a copy links environments, keeps links inside, and leaves history and our state out', async () => {
    const command = ['sh', '-c', 'cp -a . {workDir}/../../kept; echo {{}} > {workDir}/../../found.json'];
    await look({ command, isolate: 'copy' }, () => {
      mkdirSync(join(project.dir, 'env', 'bin'), { recursive: true });
      writeFileSync(join(project.dir, 'env', 'pyvenv.cfg'), '');
      mkdirSync(join(project.dir, '.git'));
      symlinkSync('data.csv', join(project.dir, 'same.csv'));
    });
    const work = join(project.dir, '.mediwatch', 'work');
    const kept = join(work, readdirSync(work)[0] ?? '', 'kept');
    expect(readlinkSync(join(kept, 'env'))).toBe(join(project.dir, 'env'));
    expect(readlinkSync(join(kept, 'same.csv'))).toMatch(/\/project\/data\.csv$/);
    expect(readdirSync(kept)).not.toEqual(expect.arrayContaining(['.git']));
    expect(readdirSync(kept)).not.toEqual(expect.arrayContaining(['.mediwatch']));
  });

  it('by a worktree runs what is committed, and git knows of no worktree afterwards', async () => {
    await look({ command: write, isolate: 'worktree' }, () => {
      writeFileSync(join(project.dir, 'notes.txt'), '"committed"');
      git('init', '-q');
      git('add', '.');
      git('commit', '-qm', 'all');
      writeFileSync(join(project.dir, 'notes.txt'), 'not committed');
    });
    expect(readFileSync(join(project.dir, 'notes.txt'), 'utf8')).toBe('not committed');
    expect(String(git('worktree', 'list')).trim().split('\n')).toHaveLength(1);
    expect(left()).toEqual([]);
  });

  it('by a worktree needs a checkout', async () => {
    await expect(look({ isolate: 'worktree' })).rejects.toMatchObject({ cause: { code: 'noCheckout' } });
  });
});
