import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rememberSecrets } from '../config/redaction.ts';
import { type Config, ConfigError, fromRoot } from '../config.ts';
import { ensureSecretFile } from './secretFile.ts';

/** Where the secret lies when no setting gives one. */
function embeddedFile(config: Config): string {
  return join(fromRoot(config, config.stack.dir), 'webhook-secret');
}

/**
 * The secret that signs alerts: `webhook.secret`, the file `webhook.secretFile`, or a file in `stack.dir`.
 *
 * @returns undefined when neither setting is given and no webhook has made that file yet
 * @throws {ConfigError} when a file that is named cannot be read, or is empty
 */
export async function readSecret(config: Config): Promise<string | undefined> {
  const { secret, secretFile } = config.webhook;
  if (secret) return secret;
  const file = secretFile ? fromRoot(config, secretFile) : embeddedFile(config);
  try {
    const text = (await readFile(file, 'utf8')).trim();
    rememberSecrets([text]);
    if (text) return text;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !secretFile) return undefined;
    throw new ConfigError(`The secret of the webhook cannot be read from ${file} (${code}): see webhook.secretFile.`);
  }
  throw new ConfigError(`${file} is empty: the secret of the webhook is to be in it.`);
}

/** As `readSecret`, and makes the file in `stack.dir` when there is none: for its owner only, whole or not at all. */
export async function ensureSecret(config: Config): Promise<string> {
  const known = await readSecret(config);
  if (known) return known;
  ensureSecretFile(embeddedFile(config));
  return (await readSecret(config)) as string;
}
