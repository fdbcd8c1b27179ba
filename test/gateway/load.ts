import { Agent, request } from 'undici';

const REQUESTS_PER_SECOND = 50;

export interface Load {
  /** How many requests have been sent. */
  sent(): number;
  /** Sends no more; gives the version, or the failure, of each answer in the order of sending. */
  stop(): Promise<string[]>;
}

/** Predicts at a steady rate, whatever the answers do, until it is stopped. */
export function startLoad(apiUrl: string): Load {
  const agent = new Agent({ connections: 20, pipelining: 1 });
  const answers: Array<Promise<string>> = [];
  const one = async () => {
    try {
      const response = await request(`${apiUrl}/predict`, {
        method: 'POST',
        dispatcher: agent,
        body: JSON.stringify({ records: [{ age: '[70-80)' }] }),
        headers: { 'content-type': 'application/json' },
      });
      const body = (await response.body.json()) as { model_version?: string };
      if (response.statusCode !== 200) return `failed: ${response.statusCode} ${JSON.stringify(body)}`;
      return body.model_version ?? 'no version';
    } catch (error) {
      return `failed: ${error}`;
    }
  };
  const timer = setInterval(() => answers.push(one()), 1_000 / REQUESTS_PER_SECOND);
  return {
    sent: () => answers.length,
    async stop() {
      clearInterval(timer);
      const all = await Promise.all(answers);
      await agent.close();
      return all;
    },
  };
}
