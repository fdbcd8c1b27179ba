import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SETUP = fileURLToPath(new URL('../../../setup', import.meta.url));

/** What the fakes of npm and Python write. Set-up hands variables on by their names: npm's to npm, pip's to pip. */
const NPM = `echo "npm $*" >> "$CALLS"
mkdir -p node_modules/.bin
[ -z "$NPM_SAYS" ] || { echo "$NPM_SAYS" >&2; exit 1; }
[ -z "$NPM_SLEEPS" ] || { echo $$ > npm.pid; sleep "$NPM_SLEEPS"; }
printf '#!/bin/sh\\n' > node_modules/.bin/node
chmod +x node_modules/.bin/node
cp package-lock.json node_modules/.package-lock.json`;
const PYTHON = `case "$*" in
*ensurepip*) echo "$(basename "$0" | grep -q 3.9 && echo 3 9 || echo 3 12)" "\${PYTHON_VENV:-True}" ;;
*"-m venv"*) echo "venv" >> "$CALLS"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
*"-m pip"*) echo "pip $*" >> "$CALLS"
  [ -z "$PIP_SAYS" ] || { echo "$PIP_SAYS" >&2; exit 1; }
  [ -z "$PIP_SLEEPS" ] || { echo $$ > "$PID_FOLDER/pip.pid"; sleep "$PIP_SLEEPS"; } ;;
esac`;
const TEMPORAL = 'echo "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"';

export interface Checkout {
  root: string;
  /** What the fakes were called with, in order. */
  calls(): string[];
  program(name: string, script: string): void;
  remove(name: string): void;
  write(path: string, text: string): void;
  /** Pid that a fake wrote when it began to sleep; 0 before. */
  pid(name: 'npm' | 'pip'): number;
  start(args?: string[], env?: Record<string, string>): ChildProcess;
  /** Starts it as npm does: the process that is given back is the parent that stands for npm. */
  startUnderNpm(env?: Record<string, string>): ChildProcess;
  run(args?: string[], env?: Record<string, string>): Promise<{ exitCode: number; output: string }>;
  dispose(): void;
}

/** A checkout with the real set-up and, on its PATH, fakes of everything that set-up calls. */
export function createCheckout(): Checkout {
  const root = mkdtempSync(join(tmpdir(), 'mediwatch-setup-'));
  const bin = join(root, 'path');
  const callsFile = join(root, 'calls');
  const children: ChildProcess[] = [];
  const write = (path: string, text: string) => writeFileSync(join(root, path), text);
  const program = (name: string, script: string) => {
    write(join('path', name), `#!/bin/sh\nCALLS='${callsFile}' PID_FOLDER='${root}'\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };

  cpSync(SETUP, join(root, 'setup'), { recursive: true });
  for (const folder of ['python', 'path']) mkdirSync(join(root, folder));
  for (const tool of ['mkdir', 'cp', 'chmod', 'sleep', 'basename', 'grep', 'sh'])
    symlinkSync(which(tool), join(bin, tool));
  write('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0' } } }));
  write('python/requirements.txt', 'a==1\n');
  write('python/requirements-dev.txt', 'b==1\n');
  program('npm', NPM);
  program('python3.12', PYTHON);
  program('temporal', TEMPORAL);

  const bootstrap = join(root, 'setup', 'bootstrap.mjs');
  const launch = (program: string, args: string[], env: Record<string, string>) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { PATH: bin, XDG_CACHE_HOME: join(root, 'cache'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    return child;
  };
  const start = (args: string[] = [], env: Record<string, string> = {}) =>
    launch(process.execPath, [bootstrap, ...args], env);
  return {
    root,
    calls: () => (existsSync(callsFile) ? readFileSync(callsFile, 'utf8').trim().split('\n') : []),
    program,
    remove: (name) => rmSync(join(bin, name)),
    write,
    pid: (name) => Number(existsSync(join(root, `${name}.pid`)) && readFileSync(join(root, `${name}.pid`), 'utf8')),
    start,
    startUnderNpm: (env = {}) =>
      launch('/bin/sh', ['-c', '"$0" "$1" & wait', process.execPath, bootstrap], {
        npm_lifecycle_event: 'prestart',
        ...env,
      }),
    async run(args, env) {
      const child = start(args, env);
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text) => (output += text));
      const [exitCode] = await once(child, 'close');
      return { exitCode, output };
    },
    dispose() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function which(tool: string): string {
  const path = ['/usr/bin', '/bin'].map((folder) => join(folder, tool)).find(existsSync);
  if (!path) throw new Error(`${tool} is missing`);
  return path;
}
