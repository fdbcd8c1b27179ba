import { type Finding, ok, warning } from '../finding.ts';

/** The oldest server that the tests run against. */
const OLDEST = [2, 13] as const;

/** Whether a server of this version (`3.17.2`) has what is asked of it. */
export function judgeMlflowVersion(version: string, uri: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (!isOld) return ok(`version ${version} at ${uri}`);
  return warning(
    `version ${version} at ${uri} is older than ${OLDEST.join('.')}, the oldest that this was tried with`,
    'install a newer MLflow where the server runs, then: mlflow db upgrade DATABASE',
  );
}
