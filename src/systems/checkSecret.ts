import { join } from 'node:path';
import { rememberSecrets } from '../config/redaction.ts';
import { type Config, fromRoot } from '../config.ts';
import { ensureSecretFile } from './secretFile.ts';

/**
 * What gateway and deployment workers of one host share with the APIs that they start: whoever sends it learns why there
 * is no model, and its predictions are not logged. A file in `stack.dir`.
 */
export function checkSecret(config: Config): string {
  const secret = ensureSecretFile(join(fromRoot(config, config.stack.dir), 'check-secret'));
  rememberSecrets([secret]);
  return secret;
}

/** Header of a deployment check; the bundled API knows it by the same name. */
export const checkHeader = (secret: string) => ({ 'x-mediwatch-verify': secret });
