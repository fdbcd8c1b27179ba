import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lookAt } from '../../src/init/index.ts';
import { settingsOf, withProject } from './support.ts';

/** What breaks readers: none of it may stop the look at the rest. */
const HOSTILE: Record<string, string | Buffer> = {
  'broken.py': 'def (:\n',
  'deep.py': `x = ${'('.repeat(5_000)}${')'.repeat(5_000)}\n`,
  'chained.py': `x = ${'a.'.repeat(20_000)}b\n`,
  'huge.py': Buffer.alloc(5 * 1024 * 1024, 'x = 1\n'),
  'binary.py': Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 0xff]),
  'numbers.py':
    'import argparse\nargparse.ArgumentParser().add_argument("--x", default=1e999)\ny = 10 ** 9 * 10 ** 9\n',
  Dockerfile: Buffer.from([0xff, 0xfe, 0]),
  'docker-compose.yml': 'services: [a, {b\n',
  'pyproject.toml': '[project\n',
  'environment.yml': '- - :\n  x',
  'notebook.ipynb': '{"cells": [{"cell_type": 3}]}',
  '.github/workflows/ci.yml': 'on: [push\njobs: 3',
  'README.md': '```sh\npython "unclosed $' + '{\n$ python train.py --lr $' + '{LR:?} # {{ x\n```\n',
  'dag.py':
    'from airflow import DAG\nfrom airflow.operators.bash import BashOperator\n' +
    'with DAG("d: {x}", schedule="every full moon", default_args={"retries": 1000}):\n' +
    '    a = BashOperator(task_id="promote", bash_command="python train.py")\n' +
    '    b = BashOperator(task_id="redeploy", bash_command="python odd.py {x}")\n    b >> a >> b\n',
  'odd.py': 'if __name__ == "__main__":\n    pass\n',
  'train.py':
    'import argparse, mlflow\n' +
    'open("proof-that-it-was-run", "w").close()\n' +
    'p = argparse.ArgumentParser()\np.add_argument("--name: {x}\\n- y", type=int)\np.add_argument("--lr", type=float)\n' +
    'p.parse_args()\nmlflow.sklearn.log_model(None, "a: {b}\\n# c")\nmlflow.log_metric("auc: {}", 1)\n',
};

it('of a hostile project what can be read is read, nothing is run, and the file loads', async () => {
  await withProject('empty', async (folder) => {
    await mkdir(join(folder, '.github/workflows'), { recursive: true });
    for (const [path, content] of Object.entries(HOSTILE)) await writeFile(join(folder, path), content);
    await symlink('.', join(folder, 'loop'));
    await symlink('round.py', join(folder, 'round.py'));
    await symlink('nowhere', join(folder, 'dangling.csv'));

    const { programs, unread } = await lookAt(folder);
    expect(programs.map(({ path }) => path)).toEqual(['odd.py', 'train.py']);
    for (const path of ['broken.py', 'deep.py', 'chained.py', 'huge.py', 'binary.py']) {
      expect(unread.join('\n')).toContain(path);
    }
    const { steps, schedules, extraSteps } = await settingsOf(folder);
    expect(steps.train.command).toEqual(['python3', 'train.py']);
    expect(steps.train.attempts).toBe(100);
    expect(schedules).toEqual({});
    expect(extraSteps).toMatchObject([{ name: 'redeploy-2', command: ['python3', 'odd.py', '{{x}}'] }]);
    const after = await lookAt(folder);
    expect(after.unread).toEqual(unread);
    const { readdir } = await import('node:fs/promises');
    expect(await readdir(folder)).not.toContain('proof-that-it-was-run');
  });
});
