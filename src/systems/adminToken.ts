import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, ConfigError, fromRoot } from '../config.ts';
import { ensureSecretFile } from './secretFile.ts';

/** Where the gateway's admin API is, and what its port asks for; its socket asks for nothing. */
export interface GatewayAddress {
  /** `unix:/path`, or a base URL. */
  adminUrl: string;
  /** File with the token; absent: none is sent. */
  tokenFile?: string;
}

/** The gateway of a configuration, and the token for it. */
export function gatewayAt(config: Config): GatewayAddress & { tokenFile: string } {
  const { adminUrl, adminTokenFile } = config.deployment;
  const made = join(fromRoot(config, config.stack.dir), 'gateway', 'admin-token');
  return { adminUrl, tokenFile: adminTokenFile ? fromRoot(config, adminTokenFile) : made };
}

/**
 * @returns the token; undefined when there is no such file
 * @throws {ConfigError} when others than its owner can read the file, when it is somebody else's, or empty
 */
export async function readAdminToken(file: string): Promise<string | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { mode, uid } = await handle.stat();
    if ((mode & 0o077) !== 0)
      throw refused(file, 'others than its owner can read it', `make it private with "chmod 600"`);
    if (![0, process.getuid?.()].includes(uid))
      throw refused(file, 'it belongs to another user', 'copy it to a file of your own');
    const token = (await handle.readFile('utf8')).trim();
    if (token === '') throw refused(file, 'it is empty', 'remove it: the gateway makes a new one when it starts');
    return token;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw refused(file, `it cannot be read (${code})`, 'see deployment.adminTokenFile');
  } finally {
    await handle?.close();
  }
}

/** As `readAdminToken`, and makes the file when there is none: for its owner only, whole or not at all. */
export async function ensureAdminToken(file: string): Promise<string> {
  const known = await readAdminToken(file);
  if (known !== undefined) return known;
  ensureSecretFile(file);
  return (await readAdminToken(file)) as string;
}

function refused(file: string, why: string, next: string): ConfigError {
  return new ConfigError(`The token of the gateway in ${file} is not used: ${why}. To go on, ${next}.`);
}
