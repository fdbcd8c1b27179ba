import { statSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { REPORT_FILES } from '../../contracts/report.ts';
import { nameOnce } from '../../systems/files.ts';
import type { Mlflow } from '../../systems/mlflow/index.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { ReportPage } from './find.ts';

interface Target {
  /** File, or a folder that exists; as it was typed. */
  output: string;
  cwd: string;
  /** Replace a file that is there. */
  force: boolean;
}

/**
 * Where the page will be saved. Asked before anything is fetched.
 *
 * @throws {CommandError} when a file is there and must stay, or the folder is missing
 */
export function targetFile({ registeredModel, version }: ReportPage, { output, cwd, force }: Target): string {
  const named = resolve(cwd, output);
  const isFolder = statSync(named, { throwIfNoEntry: false })?.isDirectory();
  const file = isFolder ? join(named, `${registeredModel.replace(/[^\w.-]/g, '_')}-${version}.html`) : named;
  const folder = dirname(file);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CommandError(EXIT.usage, `Nothing was saved: there is no folder ${folder}. Make it first.`);
  }
  if (!force && statSync(file, { throwIfNoEntry: false })) throw isThere(file);
  return file;
}

/** Saves the page whole or not at all. */
export async function savePage(mlflow: Mlflow, page: ReportPage, file: string, force: boolean): Promise<void> {
  const drafts = await mkdtemp(join(dirname(file), '.mediwatch-report-'));
  try {
    const [draft] = await mlflow.downloadArtifacts(page.runId, REPORT_FILES.page, drafts);
    if (force) await rename(draft as string, file);
    else await nameOnce(draft as string, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw isThere(file);
    throw error;
  } finally {
    await rm(drafts, { recursive: true, force: true });
  }
}

/** Saves a copy for a browser, which reads it when it likes: it stays. */
export async function savedCopy(mlflow: Mlflow, page: ReportPage): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-report-'));
  const file = targetFile(page, { output: folder, cwd: folder, force: false });
  await savePage(mlflow, page, file, false);
  return file;
}

function isThere(file: string): CommandError {
  return new CommandError(EXIT.usage, `Nothing was saved: ${file} is there already. --force replaces it.`);
}
