import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { expandForApi } from '../config/placeholders.ts';
import { BUNDLED_PYTHON, type Config, fromRoot, PYTHON_ROOT } from '../config.ts';
import type { InstanceSpec } from '../contracts/gateway.ts';
import { accessVariables, modelVariables } from '../systems/apiVariables.ts';
import { environmentOf, variablesOf } from '../systems/processes/environment.ts';

/** A program with its arguments (no shell) and what its environment has besides the usual. */
export interface Command {
  file: string;
  args: string[];
  env: Record<string, string>;
  cwd?: string;
}

/** Makes the command of an API process that is to listen on the address. */
export type CommandOf = (spec: InstanceSpec, address: { host: string; port: number }) => Command;

/** The bundled API, or the command of `deployment.command`. */
export function apiCommand(config: Config): CommandOf {
  // Requests run beside each other already: with more threads a prediction for one record spends its time waiting for
  // them, one barrier for each tree (8 against 22 ms where two cores are busy).
  const threads = { OMP_NUM_THREADS: '1' };
  const { command, environment } = config.deployment;
  const isOwn = environment === 'model';
  if (command) return (spec, address) => projectCommand(config, command, spec, address);
  return (spec, { host, port }) => ({
    file: config.worker.python || BUNDLED_PYTHON,
    args: ['-m', isOwn ? 'mediwatch_training.serving.environment' : 'mediwatch_training.serving'],
    env: {
      ...threads,
      ...(isOwn && {
        ...environmentOf(['pip']),
        MODEL_ENVIRONMENTS: join(fromRoot(config, config.stack.dir), 'environments'),
      }),
      HOST: host,
      PORT: String(port),
      ...variablesFor(config, spec),
      ...accessVariables(config),
      PYTHONPATH: PYTHON_ROOT,
      PYTHONUNBUFFERED: '1',
    },
  });
}

/** The project's own API, which reads its model from the same variables as the bundled one. */
function projectCommand(
  config: Config,
  command: readonly string[],
  spec: InstanceSpec,
  { host, port }: { host: string; port: number },
): Command {
  const { cwd, venv, env } = config.deployment;
  const { model, version, runId } = spec;
  const filled = (text: string) => expandForApi(text, { host, port: String(port), model, version, runId });
  const [file = '', ...args] = command.map(filled);
  const bin = venv && join(fromRoot(config, venv), 'bin');
  return {
    file: bin && existsSync(join(bin, file)) ? join(bin, file) : file,
    args,
    cwd: cwd ? fromRoot(config, cwd) : config.root,
    env: {
      ...variablesFor(config, spec),
      ...(bin && { VIRTUAL_ENV: dirname(bin), PATH: `${bin}:${process.env.PATH ?? ''}` }),
      HOST: host,
      PORT: String(port),
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])),
    },
  };
}

function variablesFor(config: Config, spec: InstanceSpec): Record<string, string> {
  const passed = variablesOf(config.deployment.passEnv);
  return {
    ...passed,
    ...modelVariables(config, spec),
    PRED_LOG_DIR: join(fromRoot(config, config.stack.dir), 'predictions'),
  };
}
