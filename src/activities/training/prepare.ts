import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asksFor } from '../../config/placeholders.ts';
import type { Config } from '../../config.ts';
import { failure } from '../../contracts/errors.ts';
import { Prepared } from '../../contracts/steps.ts';
import { type ArtifactRef, Dataset } from '../../contracts/training.ts';
import type { ArtifactStore } from '../../systems/artifacts/index.ts';
import { sha256OfJson, sha256OfPath } from '../../systems/digests.ts';
import { projectRevision } from '../../systems/revision.ts';
import { noResult, type Ran, readStepAnswer, textsOf } from '../../systems/steps/index.ts';
import { inputPath } from '../lib/inputPath.ts';
import { runStepActivity } from '../lib/step.ts';
import { settingsOf, type TrainingSystems } from './systems.ts';

/** What a command that says nothing of its data set leaves open. */
const UNKNOWN: Prepared = { rows: null, groups: null, positives: null, splits: null, features: null };

interface PrepareRequest {
  registeredModel?: string;
  data: string;
  seed: number;
  force: boolean;
}

export function createPrepareActivities({ config: shared, store, runner, codeDigest }: TrainingSystems) {
  return {
    /** Prepares the data, or finds the data set that was prepared from the same source in the same way. */
    prepareDataset: (request: PrepareRequest): Promise<Dataset> => {
      const config = settingsOf(shared, request.registeredModel);
      return runStepActivity(config, 'prepare', async ({ workDir, run, beat }) => {
        const { data, seed, force } = request;
        const { signal } = beat;
        const { path: _, seed: __, roots: ___, ...settings } = config.data;
        const { command, skip } = config.steps.prepare;
        const dataPath = await inputPath(config, 'data', data);
        const readsData = !command || asksFor(textsOf({ ...config.steps.prepare, command }), 'data');
        const sourceSha256 = readsData ? await digestOf(dataPath) : null;
        const code = command ? await revisionOf(config) : codeDigest;
        const key = `dataset/${sha256OfJson(
          skip && !command
            ? { sourceSha256, asItIs: basename(dataPath) }
            : { sourceSha256, settings, seed, codeDigest: code, step: config.steps.prepare },
        )}`;
        // What a command reads besides, or with which code, nobody may know; and later steps may read what it writes
        // into the project itself. Then it is done again.
        const mayDiffer = sourceSha256 === null || code === null || (command && writesIntoProject(config));
        const known = force || mayDiffer ? null : await find(store, key, signal);
        if (known) return known;

        const outputDir = join(workDir, 'dataset');
        const made = async () => {
          if (skip && !command) return { ...UNKNOWN, ref: await putAsItIs(store, dataPath, outputDir, signal) };
          const collect = (ran: Ran) => collectDataset(store, ran, signal);
          const input = { dataPath, outputDir, seed, ...settings };
          const result = await run(runner, input, { collect });
          if (command) {
            const { ref, ...counts } = result as Awaited<ReturnType<typeof collectDataset>>;
            const madeOf = sha256OfJson({ sourceSha256, settings, seed, command });
            return { ...counts, ref: sourceSha256 === null ? ref : { ...ref, madeOf } };
          }
          const ref = await store.putDirectory(outputDir, { signal, overwrite: force });
          return { ...readStepAnswer('prepare', Prepared, result), ref };
        };
        const {
          features,
          dropped = [],
          remarks = [],
          task = null,
          positive = null,
          classes = null,
          ...prepared
        } = await made();
        const said = { dropped, remarks, task, positive, classes };
        const dataset = { ...prepared, ...said, features: features?.length ?? null, sourceSha256 } satisfies Dataset;
        await store.putKey(key, dataset);
        await store.trimCache(config.artifacts.cacheLimitGb * 2 ** 30);
        return dataset;
      });
    },
  };
}

async function digestOf(path: string): Promise<string> {
  return await sha256OfPath(path).catch((error: NodeJS.ErrnoException) => {
    throw failure('DataNotFound', `The data ${path} cannot be read (${error.code}).`, error);
  });
}

/** Another model's name, or another version of the project, may make another data set of the same source. */
async function revisionOf(config: Config): Promise<string | null> {
  const revision = await projectRevision(config.root);
  return revision && `${revision}/${config.registry.registeredModel}`;
}

function writesIntoProject({ steps: { prepare } }: Config): boolean {
  const { directory } = prepare.outputs;
  return prepare.isolate === 'none' && directory !== undefined && !directory.includes('{');
}

async function find(store: ArtifactStore, key: string, signal: AbortSignal): Promise<Dataset | null> {
  const known = Dataset.safeParse(await store.getKey(key));
  if (!known.success) return null;
  const there = await store.fetchDirectory(known.data.ref, { signal }).then(
    () => true,
    () => false,
  );
  return there ? known.data : null;
}

/** Data that are ready: the file or the folder becomes the data set. */
async function putAsItIs(store: ArtifactStore, path: string, folder: string, signal: AbortSignal) {
  if ((await stat(path)).isDirectory()) return await store.putDirectory(path, { signal });
  await mkdir(folder, { recursive: true });
  await copyFile(path, join(folder, basename(path)), constants.COPYFILE_FICLONE);
  return await store.putDirectory(folder, { signal });
}

/** Stores what a command has written, with the counts that it tells, if it does. */
async function collectDataset(
  store: ArtifactStore,
  ran: Ran,
  signal: AbortSignal,
): Promise<Prepared & { ref: ArtifactRef }> {
  const { directory } = ran.settings.outputs;
  const folder = directory ? await ran.written('directory', directory) : ran.output;
  if ((await readdir(folder).catch(() => [])).length === 0) {
    throw noResult.emptyFolder(folder, 'steps.prepare.outputs.directory');
  }
  const told = Prepared.safeParse({ ...UNKNOWN, ...(ran.result as object | undefined) });
  return { ...(told.success ? told.data : UNKNOWN), ref: await store.putDirectory(folder, { signal }) };
}
