import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { TAGS } from '../../contracts/names.ts';
import { REPORT_FILES } from '../../contracts/report.ts';
import { nameOnce } from '../../systems/files.ts';
import type { Mlflow } from '../../systems/mlflow/index.ts';
import { environmentOf } from '../../systems/processes/environment.ts';
import type { Cli, Io } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { askMlflow } from '../session.ts';
import { resolveVersion } from './registry.ts';

/** What is done with a report besides saying where it is. */
export interface ReportWanted {
  /** File or folder, as it was typed. */
  output?: string;
  open?: boolean;
  force?: boolean;
}

/** Says where the report of a version is, saves it, or opens it in the browser. */
export async function showReport(
  cli: Cli,
  config: Config,
  reference: string,
  { output, open = false, force = false }: ReportWanted,
): Promise<void> {
  const { page, file } = await askMlflow(config, async (mlflow) => {
    const page = await findPage(mlflow, config, reference);
    if (output === undefined) return { page, file: open ? await savedCopy(mlflow, page) : null };
    const file = targetFile(page, { output, cwd: cli.io.cwd, force });
    await savePage(mlflow, page, file, force);
    return { page, file };
  });
  if (open && file) await openFile(file, cli.io);
  const what = `The report of ${page.registeredModel} version ${page.version}`;
  cli.show({ ...page, file }, () => [
    file === null ? `${what}: ${page.url}` : `${what} is in ${file}${open ? ', and opens in the browser' : ''}.`,
  ]);
}

/** The report page of a version. */
interface ReportPage {
  registeredModel: string;
  version: string;
  runId: string;
  /** In MLflow's UI. */
  url: string;
  /** The file itself; behind a login like the rest of MLflow. */
  fileUrl: string;
}

/**
 * The report page of a version.
 *
 * @param reference what stands for the version, as `resolveVersion` takes it
 * @throws {CommandError} when the version is not known, or has no report: why, and what to do
 */
async function findPage(mlflow: Mlflow, config: Config, reference: string): Promise<ReportPage> {
  const { registeredModel } = config.registry;
  const { version, runId, tags } = resolveVersion(
    registeredModel,
    await mlflow.listVersions(registeredModel),
    reference,
  );
  const none = (why: string) => {
    return new CommandError(EXIT.failed, `Version ${version} of ${registeredModel} has no report: ${why}`);
  };
  const run = runId ? await mlflow.getRun(runId) : undefined;
  if (!run || run.deleted) {
    throw none('MLflow has no run of it, where a report would lie. A new retrain makes a version with one.');
  }
  const files = await mlflow.listArtifacts(runId, 'report');
  if (!files.some(({ path }) => path === REPORT_FILES.page)) {
    const page = mlflow.links.runUrl(run.experimentId, runId);
    const why = config.steps.report.skip
      ? 'steps.report.skip of mediwatch.yaml says that none is made.'
      : 'its run has none. A retrain that goes on writes it later; of one that ended, its page in the Temporal UI says ' +
        'why it could not be written.';
    throw none(`${why} The run: ${page}`);
  }
  return {
    registeredModel,
    version,
    runId,
    url: tags[TAGS.report] ?? mlflow.links.reportUrl(run.experimentId, runId),
    fileUrl: mlflow.links.fileUrl(runId, REPORT_FILES.page),
  };
}

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
function targetFile({ registeredModel, version }: ReportPage, { output, cwd, force }: Target): string {
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

/**
 * Saves the page whole or not at all.
 *
 * @throws {CommandError} when a file is there and must stay, or the folder cannot be written to
 */
async function savePage(mlflow: Mlflow, page: ReportPage, file: string, force: boolean): Promise<void> {
  const folder = dirname(file);
  const drafts = await mkdtemp(join(folder, '.mediwatch-report-')).catch(({ code }: NodeJS.ErrnoException) => {
    throw new CommandError(EXIT.usage, `Nothing was saved: the folder ${folder} cannot be written to (${code}).`);
  });
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
async function savedCopy(mlflow: Mlflow, page: ReportPage): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-report-'));
  const file = targetFile(page, { output: folder, cwd: folder, force: false });
  await savePage(mlflow, page, file, false);
  return file;
}

function isThere(file: string): CommandError {
  return new CommandError(EXIT.usage, `Nothing was saved: ${file} is there already. --force replaces it.`);
}

/** A program that cannot open it says so within this time (ms). */
const REFUSAL_MS = 3_000;

/**
 * Opens a file in the program of the desktop, which is the browser for a page.
 *
 * @throws {CommandError} when there is no desktop that could
 */
async function openFile(file: string, { env }: Pick<Io, 'env'>): Promise<void> {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const refusal = Promise.withResolvers<string | null>();
  const opening = spawn(program, [file], {
    env: environmentOf(['network', 'desktop'], [], env),
    detached: true,
    stdio: 'ignore',
  });
  opening.once('error', (error: NodeJS.ErrnoException) =>
    refusal.resolve(error.code === 'ENOENT' ? `there is no ${program} here` : error.message),
  );
  opening.once('exit', (code) => refusal.resolve(code === 0 ? null : `${program} ended with ${code}`));
  // A browser that was not open yet may stay as its child.
  opening.unref();
  const why = await Promise.race([refusal.promise, delay(REFUSAL_MS, null)]);
  if (why !== null) throw new CommandError(EXIT.failed, `It could not be opened: ${why}. Open ${file} yourself.`);
}
