import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../../src/config.ts';
import { freePort } from '../../../src/systems/ports.ts';
import { ensureBaseImage } from './baseImage.ts';
import { composeCommand, gatherParts } from './parts.ts';

const LOCAL = join(PROJECT_ROOT, 'test', 'compose');
/** One for each checkout: what a run that was killed left behind is removed by the next. */
const PROJECT = `mediwatch-test-${createHash('sha256').update(PROJECT_ROOT).digest('hex').slice(0, 8)}`;
const PORTS = ['TEMPORAL_PORT', 'TEMPORAL_UI_PORT', 'MLFLOW_PORT', 'API_PORT', 'WEBHOOK_PORT'] as const;

/** docker-compose.yml as a project of its own: own secrets, volumes and loopback ports. */
export interface ComposedService {
  ports: Record<(typeof PORTS)[number], number>;
  /** Folder of its secrets. */
  secrets: string;
  /** The environment that leads a command to it. */
  env: Record<string, string>;
  /** Runs `docker compose` with these arguments; throws with its output and the logs when it fails. */
  compose(...args: string[]): Promise<string>;
  /** Removes containers, networks and volumes. */
  dispose(): Promise<void>;
}

/** Builds the images, which takes minutes the first time. Nothing runs yet. */
export async function buildService(): Promise<ComposedService> {
  await ensureBaseImage();
  const [parts, command] = [await gatherParts(), await composeCommand()];
  const secrets = await mkdtemp(join(tmpdir(), 'mediwatch-compose-'));
  await execa(join(PROJECT_ROOT, 'deploy', 'compose', 'secrets.sh'), [secrets]);
  const taken = new Set<number>();
  for (const _ of PORTS) taken.add(await freePort(taken));
  const ports = Object.fromEntries([...taken].map((port, index) => [PORTS[index], port])) as ComposedService['ports'];
  const env = Object.fromEntries(PORTS.map((name) => [`MEDIWATCH_STACK_${name}`, String(ports[name])]));

  const [program = '', ...first] = command;
  const files = ['docker-compose.yml', join('test', 'compose', 'compose.local.yml')].flatMap((file) => ['-f', file]);
  const options = ['--progress', 'quiet', '--project-name', PROJECT, ...files];
  const run = (args: string[]) =>
    execa(program, [...first, ...options, ...args], {
      cwd: PROJECT_ROOT,
      env: { ...env, LOCAL_PARTS: parts, LOCAL_IMAGES: join(LOCAL, 'images'), MEDIWATCH_SECRETS_DIR: secrets },
      reject: false,
      all: true,
    });
  const compose = async (...args: string[]) => {
    const { exitCode, all, stdout } = await run(args);
    if (exitCode === 0) return stdout;
    const { all: logs } = await run(['logs', '--no-color', '--tail', '15']);
    throw new Error(`docker compose ${args.join(' ')} ended with ${exitCode}:\n${all}\n${logs}`);
  };
  const remove = () => compose('down', '--volumes', '--remove-orphans', '--timeout', '10');
  await remove();
  await compose('build', 'node');
  await compose('build');
  return {
    ports,
    secrets,
    env,
    compose,
    async dispose() {
      await remove();
      await rm(secrets, { recursive: true, force: true });
    },
  };
}
