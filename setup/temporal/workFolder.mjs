import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from '../paths.mjs';

/** Gives the work a folder in the cache, on the same file system as the result, and removes it afterwards. */
export async function withWorkFolder(env, work) {
  mkdirSync(cacheDir(env), { recursive: true });
  const folder = mkdtempSync(join(cacheDir(env), 'work-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
