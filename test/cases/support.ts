import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A project as files by their paths. */
export type Files = Readonly<Record<string, string>>;

/** The folder of a case, or of a project of its inputs. */
export const inputs = (name: string) => fileURLToPath(new URL(`inputs/${name}`, import.meta.url));

/** Not what somebody's own runs left there. */
const isProjects = (path: string) => !['.venv', '.mediwatch', '__pycache__'].includes(basename(path));

/**
 * Runs with a copy of a project that is gone afterwards, in a folder of the project's own name.
 *
 * @param source folder that is copied, or files to write
 * @param also files that are laid over it
 */
export async function withCopy<Result>(
  name: string,
  source: string | Files,
  use: (folder: string) => Promise<Result>,
  also: Files = {},
): Promise<Result> {
  const root = await mkdtemp(join(tmpdir(), 'mediwatch-case-'));
  const folder = join(root, basename(name));
  try {
    await mkdir(folder);
    if (typeof source === 'string') await cp(source, folder, { recursive: true, filter: isProjects });
    for (const [path, text] of Object.entries({ ...(typeof source === 'string' ? {} : source), ...also })) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return await use(folder);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
