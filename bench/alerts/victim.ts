import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A worker process that is killed and restarted. */
export interface Victim {
  /** `kill -9`, and at once a new one; resolves when that one is ready. */
  killAndRestart(): Promise<void>;
  end(): Promise<void>;
}

/** Starts a worker, which says "worker ready" on stdout when it is. */
export async function startVictim(command: readonly string[], env: Record<string, string> = {}): Promise<Victim> {
  const start = async (): Promise<ChildProcess> => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${command.join(' ')} ended with ${code} before it was ready.`)));
      child.stdout.on('data', (text: Buffer) => {
        if (text.includes('worker ready')) resolve();
      });
    });
    return child;
  };
  const kill = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  let running = await start();
  return {
    async killAndRestart() {
      await kill(running);
      running = await start();
    },
    end: () => kill(running),
  };
}
