import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Config, fromRoot } from '../config.ts';
import { Prepared, StepFailure } from '../contracts/steps.ts';
import { parseJson } from '../contracts/text.ts';
import { hasBundled, runBundled } from '../systems/processes/bundled.ts';
import { type Finding, finding } from '../words/findings.ts';
import { sampleData } from './sample.ts';

/** Of a larger table so many rows are read, which takes a few seconds. */
const SAMPLE_ROWS = 20_000;
/** How long the bundled step may take (ms); a larger table takes longer than a person waits. */
const LIMIT_MS = 15_000;

const Answer = z.union([z.object({ result: Prepared }), z.object({ error: StepFailure })]);

/**
 * Lets the bundled step prepare the table, or a sample of a large one, so that values, separator, encoding and target are judged by what
 * will read them; nothing of it is kept. What a sample is refused for may be the sample's fault: then all rows are tried.
 */
export async function readData(config: Config): Promise<Finding[]> {
  if (!hasBundled(config.worker.python)) return [];
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-check-'));
  try {
    const sample = await sampleData(config, SAMPLE_ROWS, folder);
    const startedAt = performance.now();
    const prepare = (path: string) =>
      prepared(config, { folder, path, limitMs: LIMIT_MS - (performance.now() - startedAt) });
    const isSample = sample.rows !== null;
    let answer = await prepare(sample.path);
    if (isSample && answer && 'error' in answer) {
      const { message } = answer.error;
      answer = await prepare(fromRoot(config, config.data.path));
      if (!answer) return [finding('sampleRefused', { message })];
    }
    if (!answer) return [finding('dataNotRead', {})];
    if ('error' in answer) return [finding('dataRefused', { message: answer.error.message })];
    const { rows, features } = answer.result;
    return [finding('dataRead', { rows, features: features?.length ?? null, isSample })];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Reading {
  folder: string;
  path: string;
  limitMs: number;
}

/** Undefined: it did not end in time, or not as a step does. */
async function prepared(config: Config, { folder, path, limitMs }: Reading) {
  if (limitMs <= 0) return undefined;
  const { path: _, roots: __, ...settings } = config.data;
  const [input, result] = [join(folder, 'input.json'), join(folder, 'result.json')];
  await writeFile(input, JSON.stringify({ ...settings, dataPath: path, outputDir: join(folder, 'dataset') }));
  await rm(result, { force: true });
  await runBundled(['-m', 'mediwatch_training', 'prepare'], {
    python: config.worker.python,
    timeoutMs: limitMs,
    env: { MEDIWATCH_INPUT: input, MEDIWATCH_RESULT: result },
  });
  return Answer.safeParse(parseJson(await readFile(result, 'utf8').catch(() => ''))).data;
}
