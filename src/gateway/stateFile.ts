import { readFile, rename } from 'node:fs/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { ActiveSpec } from '../contracts/gateway.ts';
import { placeFile } from '../systems/files.ts';

const State = z.object({ active: ActiveSpec.nullable() });
export type State = z.infer<typeof State>;

/** Reads what the gateway served last. A file that cannot be read is put aside, and nothing is active. */
export async function readState(file: string, log: Logger): Promise<State> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { active: null };
    throw error;
  }
  try {
    return State.parse(JSON.parse(text));
  } catch (error) {
    const aside = `${file}.unreadable`;
    await rename(file, aside);
    log.error({ err: error, aside }, 'the state file was unreadable and was put aside; redeploy a version to serve it');
    return { active: null };
  }
}

/** Writes the state so that a reader sees the old or the new one, whatever happens in between. */
export async function writeState(file: string, state: State): Promise<void> {
  // For the owner only: the environment of an instance may hold a credential.
  await placeFile(file, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}
