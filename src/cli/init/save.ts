import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { loadConfig } from '../../config.ts';
import { place } from '../place.ts';

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
  const draft = join(folder, `.mediwatch.yaml.${process.pid}.tmp`);
  try {
    await writeDurably(draft, text);
    loadConfig({ MEDIWATCH_CONFIG: draft }, folder);
    if (force) await rename(draft, file);
    else await place(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new AlreadyThere();
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What would change, as a patch. */
export function difference(before: string, after: string): string {
  return createTwoFilesPatch('mediwatch.yaml', 'mediwatch.yaml', before, after, 'now', 'proposed');
}
