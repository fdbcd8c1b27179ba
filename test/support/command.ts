import { execa } from 'execa';

const CLIENT = new URL('../../src/client.ts', import.meta.url).pathname;

export interface CommandOutcome<Result> {
  exitCode: number | undefined;
  /** The last JSON document on stdout. */
  json: Result;
  stderr: string;
}

/** Runs `mediwatch … --json` as a process of its own, as a script would. */
export async function mediwatch<Result = Record<string, unknown>>(
  env: Record<string, string>,
  ...args: string[]
): Promise<CommandOutcome<Result>> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [CLIENT, ...args, '--json'], {
    env,
    reject: false,
  });
  const lines = stdout.trim().split('\n');
  const json = parse(stdout) ?? parse(lines.at(-1) ?? '');
  return { exitCode, json: json as Result, stderr };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
