import { pipeline, type Readable, Transform } from 'node:stream';
import { z } from 'zod';

/** Larger answers are passed on unread (bytes). */
const LIMIT_BYTES = 2 ** 20;

const Answer = z.object({ predictions: z.array(z.object({ prob: z.number().min(0).max(1) })) });

interface Exchange {
  method: string;
  /** Path with its query. */
  url: string;
  status: number;
  /** Headers of the answer. */
  headers: Partial<Record<string, unknown>>;
}

/** Whether an answer holds predictions that can be read as it passes by. */
export function hasPredictions({ method, url, status, headers }: Exchange): boolean {
  const isJson = /^application\/json\b/i.test(String(headers['content-type'])) && !headers['content-encoding'];
  return method === 'POST' && status === 200 && isJson && /^\/predict\/?(\?|$)/.test(url);
}

/**
 * Passes an answer on piece by piece, and reads it when all of it has gone by.
 *
 * @param onProbability told each predicted probability (0 to 1); an answer of another shape or over 1 MiB tells none
 */
export function readInPassing(answer: Readable, onProbability: (probability: number) => void): Readable {
  let kept: Buffer[] = [];
  let bytes = 0;
  const passage = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= LIMIT_BYTES) kept.push(chunk);
      else kept = [];
      done(null, chunk);
    },
    flush(done) {
      done();
      // The client has its answer before it is looked into.
      if (bytes <= LIMIT_BYTES) setImmediate(() => probabilitiesIn(Buffer.concat(kept)).forEach(onProbability));
    },
  });
  // A cut is seen by whoever reads the passage, which is destroyed with its cause.
  pipeline(answer, passage, () => {});
  return passage;
}

function probabilitiesIn(body: Buffer): number[] {
  try {
    const answer = Answer.safeParse(JSON.parse(body.toString('utf8')));
    return answer.success ? answer.data.predictions.map(({ prob }) => prob) : [];
  } catch {
    return [];
  }
}
