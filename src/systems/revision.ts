import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { execa } from 'execa';
import { ownEnvironment } from './processes/environment.ts';

/** Files that are code: a change of one that is not committed is another revision. */
const CODE = new Set(['.py', '.ipynb', '.sh', '.sql', '.r', '.jl', '.toml', '.cfg']);

/**
 * Names the code of a project: the commit of its git checkout, with what was changed since. Null where there is no
 * checkout: nobody knows then whether the code is still the same.
 *
 * @param root folder of the project
 */
export async function projectRevision(root: string): Promise<string | null> {
  const git = async (...args: string[]) => {
    const { stdout, exitCode } = await execa('git', args, { ...ownEnvironment(), cwd: root, reject: false });
    return exitCode === 0 ? stdout : null;
  };
  const head = await git('rev-parse', 'HEAD:./');
  const changes = await git('diff', 'HEAD', '--relative');
  const untracked = await git('ls-files', '--others', '--exclude-standard');
  if (head === null || changes === null || untracked === null) return null;
  const added = untracked.split('\n').filter((path) => CODE.has(extname(path).toLowerCase()));
  if (changes === '' && added.length === 0) return head;
  const hash = createHash('sha256').update(changes);
  for (const path of added.sort()) hash.update(path).update(await readFile(join(root, path)).catch(() => ''));
  return `${head}+${hash.digest('hex')}`;
}

/**
 * The commit that a project is at, with `-changed` behind it when files differ from it: what people look up. Null where
 * there is no checkout, no git, or no answer in time.
 *
 * @param root folder of the project
 */
export async function projectCommit(root: string): Promise<string | null> {
  const git = async (...args: string[]) => {
    const { stdout, exitCode } = await execa('git', args, {
      ...ownEnvironment(),
      cwd: root,
      reject: false,
      timeout: GIT_WITHIN_MS,
    });
    return exitCode === 0 ? stdout.trim() : null;
  };
  const commit = await git('rev-parse', 'HEAD');
  if (commit === null) return null;
  const changes = await git('status', '--porcelain', '--untracked-files=no', '--', '.');
  return changes ? `${commit}-changed` : commit;
}

/** A checkout on a slow disk must not hold up a run for the sake of a tag. */
const GIT_WITHIN_MS = 3_000;
