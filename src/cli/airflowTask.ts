import { existsSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { execa } from 'execa';
import { BUNDLED_PYTHON, PYTHON_ROOT } from '../config.ts';
import { type Cli, writeLine } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';

/** Flags that go on to Python as they are; a list is a flag that may be given several times. */
export interface AirflowTaskFlags {
  dag?: string;
  dir?: string;
  from?: string[];
  upstream?: boolean;
  executionDate?: string;
  conf?: string;
  arg?: string[];
  python?: string;
}

/**
 * Runs a task of an Airflow DAG without Airflow, in the Python of the project, and shows what it writes.
 *
 * @param task id of the task; undefined: the tasks are listed
 * @throws {CommandError} when the Python cannot be started
 */
export async function runAirflowTask(
  cli: Cli,
  file: string,
  task: string | undefined,
  { python = pythonOf(cli.io), ...flags }: AirflowTaskFlags,
): Promise<void> {
  const { io } = cli;
  const args = [file, ...(task === undefined ? [] : [task]), ...Object.entries(flags).flatMap(asArguments)];
  const paths = [PYTHON_ROOT, ...(io.env.PYTHONPATH ? [io.env.PYTHONPATH] : [])];
  const child = execa(python, ['-m', 'mediwatch_training', 'airflow-task', ...args], {
    cwd: io.cwd,
    env: { ...io.env, PYTHONPATH: paths.join(delimiter), PYTHONUNBUFFERED: '1' },
    extendEnv: false,
    cancelSignal: io.interrupted,
    stdin: 'inherit',
    reject: false,
    buffer: false,
  });
  const show = async (from: 'stdout' | 'stderr') => {
    for await (const line of child.iterable({ from })) writeLine(io[from], line);
  };
  const [{ exitCode, shortMessage = '' }] = await Promise.all([child, show('stdout'), show('stderr')]);
  if (exitCode === undefined && io.interrupted.aborted) throw new CommandError(EXIT.interrupted, 'The task was ended.');
  if (exitCode === undefined) throw new CommandError(EXIT.usage, `${python} cannot be started: ${shortMessage}`);
  cli.exitCode = exitCode === EXIT.done || exitCode === EXIT.usage ? exitCode : EXIT.failed;
}

/** The Python that is active, that of a virtual environment here, or else our own, which has what most tasks use. */
function pythonOf({ env, cwd }: Cli['io']): string {
  const venvs = [env.VIRTUAL_ENV, '.venv', 'venv'].flatMap((folder) =>
    folder ? [resolve(cwd, folder, 'bin/python')] : [],
  );
  return venvs.find((python) => existsSync(python)) ?? BUNDLED_PYTHON;
}

function asArguments([name, value]: [string, string | string[] | boolean]): string[] {
  const flag = `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
  if (typeof value === 'boolean') return value ? [flag] : [];
  return [value].flat().flatMap((one) => [`${flag}=${one}`]);
}
