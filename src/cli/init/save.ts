import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { loadConfig } from '../../config.ts';
import { placeFile } from '../../systems/files.ts';

/** The file is there already, and was left as it is. */
export class AlreadyThere extends Error {
  override name = 'AlreadyThere';
}

/** The settings of a folder; undefined when there are none. */
export async function existing(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/**
 * Writes `mediwatch.yaml` whole or not at all, and only what can be loaded.
 *
 * @throws {ConfigError} when it cannot: a fault of ours, and nothing was written
 * @throws {AlreadyThere} when there is one and `force` is not set
 */
export async function save(folder: string, text: string, { force }: { force: boolean }): Promise<void> {
  const file = join(folder, 'mediwatch.yaml');
  try {
    await placeFile(file, text, {
      ifThere: force ? 'replace' : 'fail',
      check: (draft) => loadConfig({ MEDIWATCH_CONFIG: draft }, folder),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new AlreadyThere();
    throw error;
  }
}

/** What would change, as a patch. */
export function difference(before: string, after: string): string {
  return createTwoFilesPatch('mediwatch.yaml', 'mediwatch.yaml', before, after, 'now', 'proposed');
}
