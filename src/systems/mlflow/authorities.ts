import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { type Config, fromRoot } from '../../config.ts';
import { MlflowError } from './errors.ts';

/** Where the certificates lie that are trusted; none: those that everybody knows. */
export interface Authorities {
  files: readonly string[];
  /** Whether those that everybody knows are trusted as well. */
  andKnown: boolean;
}

/** `mlflow.caFile` alone, or what the variables of the network name. */
export function authoritiesOf({ mlflow, network }: Pick<Config, 'mlflow' | 'network'>): Authorities {
  if (mlflow.caFile) return { files: [mlflow.caFile], andKnown: false };
  const { authorities, moreAuthorities } = network;
  const files = [...new Set([authorities, moreAuthorities].filter(Boolean))];
  return { files, andKnown: authorities === '' };
}

/** @throws {MlflowError} when a file cannot be read */
export function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const next = 'correct mlflow.caFile or mlflow.clientCertFile, or the variable that names it';
    const message = `The certificates for MLflow in ${file} cannot be read (${code}): ${next}.`;
    throw new MlflowError(message, { code: 'UNTRUSTED', retryable: false, cause: error });
  }
}

/** @throws {MlflowError} as `readPem` */
export function certificatesOf({ files, andKnown }: Authorities): string[] {
  return [...(andKnown ? rootCertificates : []), ...files.map(readPem)];
}

/**
 * The one file that a child's libraries take. Several become one in `stack.dir`.
 *
 * @returns undefined where the child is to trust whom it knows
 * @throws {MlflowError} as `readPem`
 */
export function authoritiesFile(config: Config): string | undefined {
  const authorities = authoritiesOf(config);
  const [first, ...more] = authorities.files;
  if (first === undefined || (more.length === 0 && !authorities.andKnown)) return first;
  const file = join(fromRoot(config, config.stack.dir), 'mlflow-authorities.pem');
  const draft = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(draft, certificatesOf(authorities).join('\n'));
  // The user of a container reads it as well; the folder is closed to others of this host.
  chmodSync(draft, 0o644);
  renameSync(draft, file);
  return file;
}
