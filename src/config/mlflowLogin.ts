import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.ts';
import type { Config } from './schema.ts';
import { decoded } from './secrets.ts';

/**
 * Credentials that stand in an address, or in the files that MLflow's own client reads, count as if they were set apart:
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
  const { HOME: home, NETRC } = env;
  const file = home ? textOf(join(home, '.mlflow', 'credentials')) : '';
  mlflow.username ||= valueIn(file, 'mlflow_tracking_username');
  mlflow.password ||= valueIn(file, 'mlflow_tracking_password');
  const { hostname = '' } = URL.parse(mlflow.uri) ?? {};
  const netrc = NETRC || (home && ['.netrc', '_netrc'].map((name) => join(home, name)).find(existsSync));
  // Before all others, as in every Python client: requests puts it in the place of what it was given.
  if (hostname && netrc) Object.assign(mlflow, loginOf(textOf(netrc), hostname));
}

/**
 * The login of a host in a netrc file, or that of `default`, as Python's requests has it: its entries are words, some of
 * them quoted, and macros end with an empty line. Undefined: there is none.
 */
function loginOf(netrc: string, host: string): { username: string; password: string } | undefined {
  const text = netrc.replaceAll(/^\s*#.*$/gm, '').replaceAll(/^\s*macdef\s[\s\S]*?(\n\s*\n|$(?![\s\S]))/gm, '\n');
  const words = [...text.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, quoted, bare = '']) =>
    (quoted ?? bare).replaceAll(/\\(.)/g, '$1'),
  );
  const logins = new Map<string, { username: string; password: string }>();
  let current = { username: '', password: '' };
  const value = () => words.shift() ?? '';
  while (words.length > 0) {
    const word = value();
    if (word === 'machine' || word === 'default') {
      current = { username: '', password: '' };
      logins.set(word === 'machine' ? value() : '', current);
    } else if (word === 'login' || word === 'user') current.username = value();
    else if (word === 'password') current.password = value();
    else if (word === 'account') value();
  }
  return logins.get(host) ?? logins.get('');
}

const bare = (uri: string) => uri.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i, '$1');

/** What a file holds; nothing where there is none. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
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
