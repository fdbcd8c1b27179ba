import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.ts';
import type { Config } from './schema.ts';
import { decoded } from './secrets.ts';

/**
 * Credentials that stand in an address, or in the file that MLflow's own client reads, count as if they were set apart:
 * every client and child gets the same ones, and the address can be shown, linked and handed on.
 */
export function withLogin(config: Config, env: Environment): void {
  const { mlflow, docker } = config;
  for (const uri of [mlflow.uri, docker.mlflowUri]) {
    const { username = '', password = '' } = URL.parse(uri) ?? {};
    mlflow.username ||= decoded(username);
    mlflow.password ||= decoded(password);
  }
  mlflow.uri = bare(mlflow.uri);
  mlflow.uiUrl = bare(mlflow.uiUrl);
  docker.mlflowUri = bare(docker.mlflowUri);
  const file = readFile(env.HOME);
  mlflow.username ||= valueIn(file, 'mlflow_tracking_username');
  mlflow.password ||= valueIn(file, 'mlflow_tracking_password');
}

const bare = (uri: string) => uri.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i, '$1');

/** `~/.mlflow/credentials`; nothing where there is none. */
function readFile(home: string | undefined): string {
  try {
    return home ? readFileSync(join(home, '.mlflow', 'credentials'), 'utf8') : '';
  } catch {
    return '';
  }
}

/** A value of its section `[mlflow]`, as Python's configparser reads it: `%%` stands for `%`. */
function valueIn(file: string, key: string): string {
  const [, section = ''] = file.split(/^\[mlflow\]\s*$/m);
  const [own = ''] = section.split(/^\[/m);
  return (new RegExp(`^${key}\\s*[=:]\\s*(.*?)\\s*$`, 'im').exec(own)?.[1] ?? '').replaceAll('%%', '%');
}
