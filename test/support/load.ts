import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from 'undici';

interface LoadOptions {
  /** Base URL of the API. */
  apiUrl: string;
  requestsPerSecond: number;
  records?: Record<string, unknown>[];
}

interface LoadAnswer {
  /** Version that the answer names; null: it failed. */
  version: string | null;
  /** Why it failed, as text. */
  failure: string | null;
  /** From the moment at which the request was due to the end of its answer (ms). */
  ms: number;
}

export interface Load {
  /** How many requests have been sent. */
  sent(): number;
  /** Sends no more; gives the answers in the order of sending. */
  stop(): Promise<LoadAnswer[]>;
}

/** How often it is looked which requests are due (ms). */
const TICK_MS = 5;

/** Sends `POST /predict` at a steady rate: the schedule does not wait for answers, nor for this process when it is late. */
export function startLoad({ apiUrl, requestsPerSecond, records = [{ age: '[70-80)' }] }: LoadOptions): Load {
  const agent = new Agent({ connections: 64, pipelining: 1, keepAliveTimeout: 1_000 });
  const body = JSON.stringify({ records });
  const answers: Array<Promise<LoadAnswer>> = [];
  const startedAt = performance.now();

  const predict = async (): Promise<Omit<LoadAnswer, 'ms'>> => {
    try {
      const response = await agent.request({
        origin: apiUrl,
        path: '/predict',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const text = await response.body.text();
      if (response.statusCode !== 200) return { version: null, failure: `${response.statusCode} ${text}` };
      const { model_version } = JSON.parse(text) as { model_version?: string };
      return { version: String(model_version), failure: null };
    } catch (error) {
      return { version: null, failure: String(error) };
    }
  };
  const one = async (dueAt: number) => ({ ...(await predict()), ms: performance.now() - dueAt });

  let stopped = false;
  const sending = (async () => {
    while (!stopped) {
      const dueAt = startedAt + (answers.length * 1_000) / requestsPerSecond;
      if (dueAt <= performance.now()) answers.push(one(dueAt));
      else await delay(TICK_MS);
    }
  })();
  return {
    sent: () => answers.length,
    async stop() {
      stopped = true;
      await sending;
      const all = await Promise.all(answers);
      await agent.close();
      return all;
    },
  };
}
