import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Mlflow, Run } from '../mlflow/index.ts';
import { noResult } from './errors.ts';
import type { FoundModel } from './runs.ts';
import type { Ran } from './step.ts';

const EXPORTER = fileURLToPath(new URL('./exportModel.py', import.meta.url));
/** Files that Python's pickle can read, with or without joblib. */
const PICKLED = ['.joblib', '.pkl', '.pickle'];

const Environment = z.object({ python: z.string(), sklearn: z.string().nullable() });

interface Logged {
  mlflow: Mlflow;
  ran: Ran;
  /** Run that the model is logged to. */
  run: Run;
  /** The model file that the command has written. */
  file: string;
  workDir: string;
  /** What the image of the API calls the file (docker.modelPath). */
  imageFile: string;
  signal: AbortSignal;
}

/**
 * Logs a model file to the run of its step, as the script would have done with MLflow: a pickled scikit-learn model
 * becomes one that MLflow can load. Any other file is kept as it is, for an API that knows it; a description beside it
 * tells people, and what examines versions, which file it is.
 *
 * @throws {StepProblem} when the file cannot be read in the environment of the step
 */
export async function logModelFile(logged: Logged): Promise<FoundModel> {
  const { mlflow, run, file, workDir, imageFile, signal } = logged;
  const folder = join(workDir, 'model');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (PICKLED.includes(extname(file))) await exportModel(logged, folder);
  else await keepFile(file, folder);
  for (const name of await readdir(folder)) {
    await mlflow.logArtifact(run.runId, `${MODEL}/${name}`, await readFile(join(folder, name)), { signal });
  }
  // An image with the model in it takes the file as the script wrote it.
  await mlflow.logArtifact(run.runId, imageFile, await readFile(file), { signal });
  return { runId: run.runId, uri: `${run.artifactUri}/${MODEL}`, modelId: null };
}

const MODEL = 'model';

async function keepFile(file: string, folder: string): Promise<void> {
  await copyFile(file, join(folder, basename(file)));
  await describeModel(folder, { file: { path: basename(file) } });
}

async function exportModel({ ran, file, workDir, signal }: Logged, folder: string): Promise<void> {
  // In a container only the work folder is there.
  const script = join(workDir, 'exportModel.py');
  await copyFile(EXPORTER, script);
  await ran.runMore(['python3', script, file, folder]).catch((error: Error) => {
    if (signal.aborted) throw error;
    throw noResult.unreadableModel(`${ran.settings.name}.outputs.modelFile`, file, error.message);
  });
  const environment = Environment.parse(JSON.parse(await readFile(join(folder, 'environment.json'), 'utf8')));
  await rm(join(folder, 'environment.json'));
  await describeModel(folder, sklearnFlavors(environment));
}

/** The file by which MLflow knows a folder as a model. */
async function describeModel(folder: string, flavors: object): Promise<void> {
  const created = new Date().toISOString().replace('T', ' ').replace('Z', '');
  await writeFile(join(folder, 'MLmodel'), stringify({ flavors, utc_time_created: created }));
}

/** What `mlflow.sklearn.save_model` writes about a model, without a signature, which nobody knows. */
function sklearnFlavors({ python, sklearn }: z.infer<typeof Environment>): object {
  const shared = { python_version: python, model_path: 'model.pkl', loader_module: 'mlflow.sklearn' };
  return {
    python_function: { ...shared, predict_fn: 'predict' },
    sklearn: {
      pickled_model: 'model.pkl',
      serialization_format: 'pickle',
      ...(sklearn && { sklearn_version: sklearn }),
      code: null,
    },
  };
}
