import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { withProject } from '../init/support.ts';
import { until } from '../support/until.ts';
import { mediwatch } from './support.ts';

const FILE = 'mediwatch.yaml';
const init = (folder: string, ...flags: string[]) => mediwatch(['init', folder, ...flags], { env: {} });
const written = (folder: string) => readFile(join(folder, FILE), 'utf8');

describe('mediwatch init --yes', () => {
  it('writes the file, says what was decided and what to do next, and touches nothing else', async () => {
    await withProject('scripts', async (folder) => {
      const before = await readdir(folder);
      const { code, out, err } = await init(folder, '--yes');
      expect([code, err]).toEqual([0, '']);
      expect(await readdir(folder)).toEqual([...before, FILE].sort());
      for (const part of [join(folder, FILE), 'scripts/train_mlflow.py', 'WardModel', 'mediwatch check']) {
        expect(out).toContain(part);
      }
    });
  });

  it('takes the folder from where it is run', async () => {
    await withProject('notebook', async (folder) => {
      expect(await mediwatch(['init', '--yes'], { env: {}, cwd: folder })).toMatchObject({ code: 0 });
      expect(await written(folder)).toContain('papermill');
    });
  });

  it('with --json: one document with the decisions, their reasons and the text', async () => {
    await withProject('lightgbm', async (folder) => {
      const { code, out } = await init(folder, '--yes', '--json');
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        event: 'init',
        written: true,
        answers: { train: 'src/churn/fit.py', search: 'trials', metric: 'valid_rmse' },
        steps: { train: { because: expect.arrayContaining(['calls lightgbm.train']) } },
        toFillIn: 2,
        text: await written(folder),
      });
    });
  });
});

describe('a password in the address of MLflow', () => {
  it.each([
    ['https://bob:s3cret@mlflow.ward.org/x', 'uri: https://mlflow.ward.org/x'],
    ['http://s3cret@localhost:5000', 'uses http://localhost:5000:'],
    ['postgresql://bob:s3@cret@db/mlflow', 'uses postgresql://db/mlflow:'],
  ])('goes nowhere: %s', async (uri, expected) => {
    await withProject('empty', async (folder) => {
      await writeFile(join(folder, '.env'), `MLFLOW_TRACKING_URI=${uri}\n`);
      await writeFile(join(folder, 'run.py'), `import mlflow\nmlflow.set_tracking_uri("${uri}")\n`);
      const preview = await init(folder);
      const told = await init(folder, '--yes', '--json');
      const text = await written(folder);
      for (const shown of [preview.out, preview.err, told.out, told.err, text]) {
        expect(shown).not.toMatch(/s3|cret|bob/);
      }
      expect(text).toContain(expected);
      expect(loadConfig({}, folder).mlflow.uri).not.toContain('@');
      if (text.includes('uri: https')) expect(text).toContain('MLFLOW_TRACKING_USERNAME');
    });
  });
});

it('a search over what no setting can hold is passed over, and the rest is written', async () => {
  await withProject('lightgbm', async (folder) => {
    const tune = 'def objective(trial):\n    trial.suggest_categorical("hidden", [(64,), (64, 32)])\n';
    await writeFile(join(folder, 'tune.py'), `${tune}    trial.suggest_int("n", True, 3)\n`);
    expect(await init(folder, '--yes')).toMatchObject({ code: 0, err: '' });
  });
});

describe('a file that is there', () => {
  it('is left as it is, and what would change is shown', async () => {
    await withProject('notebook', async (folder) => {
      await writeFile(join(folder, FILE), '# mine\n');
      const { code, out, err } = await init(folder, '--yes');
      expect(code).toBe(2);
      expect(out).toMatch(/^-# mine$/m);
      expect(out).toMatch(/^\+registry:$/m);
      expect(err).toContain('--force');
      expect(await written(folder)).toBe('# mine\n');
    });
  });

  it('is replaced with --force, and a second time there is nothing to do', async () => {
    await withProject('notebook', async (folder) => {
      await writeFile(join(folder, FILE), '# mine\n');
      expect(await init(folder, '--yes', '--force')).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^-# mine$/m),
      });
      const text = await written(folder);
      expect(text).toContain('papermill');
      expect(await init(folder, '--yes')).toMatchObject({ code: 0, out: expect.stringContaining('as it would be') });
      expect(await written(folder)).toBe(text);
    });
  });
});

it('without a terminal and without --yes the text is shown, and nothing is written', async () => {
  await withProject('notebook', async (folder) => {
    const before = await readdir(folder);
    const { code, out, err } = await init(folder);
    expect(code).toBe(2);
    expect(out).toContain('papermill');
    expect(err).toContain('--yes');
    expect(await readdir(folder)).toEqual(before);
  });
});

it('with --json one document tells what would be written, and why nothing was', async () => {
  await withProject('notebook', async (folder) => {
    const nobody = await init(folder, '--json');
    expect([nobody.code, JSON.parse(nobody.out)]).toEqual([
      2,
      expect.objectContaining({
        event: 'init',
        written: false,
        exitCode: 2,
        text: expect.stringContaining('papermill'),
      }),
    ]);
    expect(nobody.err).toBe(`${JSON.parse(nobody.out).message}\n`);
    await writeFile(join(folder, FILE), '# mine\n');
    const there = await init(folder, '--yes', '--json');
    const message = expect.stringContaining('--force');
    expect([there.code, JSON.parse(there.out)]).toEqual([2, expect.objectContaining({ written: false, message })]);
  });
});

it('a folder that is none is said to be none', async () => {
  await withProject('empty', async (folder) => {
    await writeFile(join(folder, 'in-the-way'), '');
    for (const path of [join(folder, 'in-the-way'), join(folder, 'nowhere')]) {
      expect(await init(path, '--yes')).toMatchObject({ code: 2, err: expect.stringContaining(`${path} is not a`) });
    }
    expect(await readdir(folder)).toEqual(['in-the-way']);
  });
});

/** Runs the command on a terminal of its own, which Python makes. */
function onTerminal(folder: string) {
  const spawn = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
  // A terminal that is just made has no width.
  const sized = ['sh', '-c', 'stty cols 200 rows 50; exec "$@"', 'sh'];
  const command = [process.execPath, join(PROJECT_ROOT, 'src/client.ts'), 'init', folder];
  const child = execa('python3', ['-c', spawn, ...sized, ...command], {
    env: { TERM: 'xterm', NO_COLOR: '1' },
    stdin: 'pipe',
    reject: false,
    timeout: 45_000,
  });
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  const sees = (what: string) =>
    until(() => shown.includes(what), { timeoutMs: 30_000, what: `"${what}" on the terminal` });
  return { child, sees, type: (keys: string) => child.stdin.write(keys) };
}

const ENTER = '\r';
const DOWN = '\u001b[B';
const CTRL_C = '\u0003';

describe('on a terminal', () => {
  it('asks with the answers that were found, and takes others', async () => {
    await withProject('scripts', async (folder) => {
      const { child, sees, type } = onTerminal(folder);
      const answers: Array<[string, string]> = [
        ['Which program trains', ENTER],
        ['Which MLflow metric', ENTER],
        ['How are hyperparameters searched', DOWN + ENTER],
        ['Name of the registered model', `2${ENTER}`],
        ['Take over the schedules', `n${ENTER}`],
        ['Where does the API run', DOWN + ENTER],
      ];
      for (const [question, keys] of answers) {
        await sees(question);
        type(keys);
      }
      expect((await child).exitCode).toBe(0);
      const { registry, steps, schedules, deployment } = loadConfig({}, folder);
      expect(registry.registeredModel).toBe('WardModel2');
      expect(steps.trial.command).toContain('{params.lr}');
      expect(steps.search.command).toBeUndefined();
      expect(schedules).toEqual({});
      expect(deployment.target).toBe('process');
    });
  });

  it('Ctrl-C leaves nothing', async () => {
    await withProject('scripts', async (folder) => {
      const before = await readdir(folder);
      const { child, sees, type } = onTerminal(folder);
      await sees('Which program trains');
      type(CTRL_C);
      expect((await child).exitCode).toBe(130);
      expect(await readdir(folder)).toEqual(before);
    });
  });
});
