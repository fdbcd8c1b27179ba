import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** Go's own installer puts it there, often without changing the PATH. */
const USUAL_GO = '/usr/local/go/bin';

/** Path of a program, or undefined where there is none. */
export function programOf(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), ...(name === 'go' ? [USUAL_GO] : [])];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Why this machine cannot run the composed service; undefined: it can. */
export async function whyNot(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'the images are built from Debian packages, on Linux';
  const missing = ['docker', 'go', 'debootstrap', 'npm'].filter((name) => !programOf(name));
  if (missing.length > 0) return `this machine has no ${missing.join(', no ')}`;
  const { exitCode, stderr } = await execa('docker', ['info'], { reject: false, timeout: 20_000, stdout: 'ignore' });
  return exitCode === 0 ? undefined : `dockerd does not answer: ${stderr.split('\n')[0]}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
