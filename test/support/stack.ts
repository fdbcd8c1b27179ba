import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/systems/ports.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const VARIABLES = ['TEMPORAL_PORT', 'TEMPORAL_UI_PORT', 'MLFLOW_PORT', 'API_PORT', 'WEBHOOK_PORT'] as const;

export interface TestStack {
  dir: string;
  ports: Record<(typeof VARIABLES)[number], number>;
  /** The environment that leads a command to this stack. */
  env: Record<string, string>;
  start(args?: string[]): StackRun;
  /** Starts it as npm does: `process` of the run is the parent that stands for npm. */
  startUnderNpm(env?: Record<string, string>): StackRun;
  /** Pids of all that runs with this stack's folder in its environment; defunct ones do not run. */
  processes(): number[];
  dispose(): Promise<void>;
}

export interface StackRun {
  process: ChildProcess;
  output(): string;
  /** Waits until the whole stack is up. */
  up(): Promise<void>;
  exited: Promise<number | null>;
}

/**
 * A stack of its own: a folder in the system's temporary one, and free ports.
 *
 * @param root where its code lies
 */
export async function createTestStack(root = ROOT): Promise<TestStack> {
  const main = join(root, 'src', 'stack', 'main.ts');
  const dir = mkdtempSync(join(tmpdir(), 'mediwatch-stack-'));
  const taken = new Set<number>();
  for (const _ of VARIABLES) taken.add(await freePort(taken));
  const ports = Object.fromEntries([...taken].map((port, index) => [VARIABLES[index], port])) as TestStack['ports'];
  const variables = Object.fromEntries(VARIABLES.map((name) => [`MEDIWATCH_STACK_${name}`, String(ports[name])]));
  const runs: ChildProcess[] = [];
  const processes = () =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && hasFolder(pid, dir));
  const follow = (program: string, args: string[], env: Record<string, string> = {}): StackRun => {
    const child = spawn(program, args, {
      env: { ...process.env, ...ours, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    runs.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const exited = once(child, 'close').then(([exitCode]) => exitCode as number | null);
    const isUp = () => output.includes('Serving until');
    const up = async () => {
      await until(() => isUp() || child.exitCode !== null, {
        timeoutMs: 120_000,
        what: `the stack in ${dir} to be up`,
      });
      if (!isUp()) throw new Error(`The stack ended: ${output}`);
    };
    return { process: child, output: () => output, exited, up };
  };
  // No nightly run begins in the middle of a test.
  const ours = {
    ...variables,
    MEDIWATCH_STACK_DIR: dir,
    MEDIWATCH_DATA_ROOTS: dir,
    MEDIWATCH_WORKER_APPLY_SCHEDULES: 'false',
  };
  return {
    dir,
    ports,
    env: ours,
    processes,
    start: (args = ['--no-retrain']) => follow(process.execPath, [main, ...args]),
    startUnderNpm: (env = {}) =>
      follow('sh', ['-c', '"$0" "$1" --no-retrain & wait', process.execPath, main], {
        npm_lifecycle_event: 'start',
        ...env,
      }),
    async dispose() {
      for (const child of runs) child.kill('SIGKILL');
      await until(() => processes().length === 0, { timeoutMs: 20_000, what: 'the stack to be gone' });
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Pids among these whose command line holds the text. */
export function running(pids: readonly number[], text: string): number[] {
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').includes(text);
    } catch {
      return false;
    }
  });
}

/** Addresses on which any of the processes listens, such as `127.0.0.1:5000`. */
export function listeners(pids: readonly number[]): string[] {
  const lines = execFileSync('ss', ['-H', '-l', '-n', '-t', '-p'], { encoding: 'utf8' }).trim().split('\n');
  const ours = lines.filter((line) => pids.some((pid) => line.includes(`pid=${pid},`)));
  return ours.map((line) => line.trim().split(/\s+/)[3] ?? '');
}

function hasFolder(pid: number, dir: string): boolean {
  try {
    const isDefunct = /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return !isDefunct && `${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(`MEDIWATCH_STACK_DIR=${dir}\0`);
  } catch {
    return false;
  }
}
