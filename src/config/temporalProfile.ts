import { type ClientConfigProfile, loadClientConfigProfile } from '@temporalio/envconfig';
import { isMapping } from '../contracts/schemas.ts';
import { type Environment, KNOWN_VARIABLES } from './environment.ts';

/**
 * Reads Temporal's variables, and the profile that `temporal.profile` names. The file is left alone where neither names
 * it: the profile that somebody keeps for the command line must not send an embedded stack to another server.
 *
 * @throws {Error} when there is no such profile, or the file is no TOML; it quotes no line of it, which may hold a key
 */
export function readProfile(written: Record<string, unknown>, env: Environment): ClientConfigProfile {
  const named = isMapping(written.temporal) ? written.temporal.profile : undefined;
  const profile = typeof named === 'string' && named !== '' ? named : undefined;
  // Those that are settings as well were laid over the file already.
  const known = Object.values(KNOWN_VARIABLES);
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && !known.includes(name) ? [[name, value]] : [],
  );
  try {
    return loadClientConfigProfile({
      overrideEnvVars: Object.fromEntries(variables),
      disableFile: profile === undefined && !env.TEMPORAL_CONFIG_FILE,
      ...(profile !== undefined && { profile }),
    });
  } catch (error) {
    throw new Error((error as Error).message.split('\n')[0], { cause: error });
  }
}

/** The settings with what the profile says where they say nothing. */
export function overProfile(
  written: Record<string, unknown>,
  { address, namespace, apiKey }: ClientConfigProfile,
): Record<string, unknown> {
  const { temporal = {} } = written;
  if (!isMapping(temporal)) return written;
  const known = { ...(address && { address }), ...(namespace && { namespace }), ...(apiKey && { apiKey }) };
  return { ...written, temporal: { ...known, ...temporal } };
}
