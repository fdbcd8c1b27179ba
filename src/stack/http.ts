import { request } from 'undici';

/** A probe is asked again soon: one that hangs must not hold up the next (ms). */
const PROBE_LIMIT_MS = 2_000;

/** Whether the address answers with 200; nothing listening there is a no. */
export async function answers(url: string): Promise<boolean> {
  return (await readJson(url)) !== undefined;
}

/** The JSON of an answer with status 200 (null when it is no JSON), undefined when there is no such answer. */
export async function readJson(url: string): Promise<unknown> {
  try {
    const response = await request(url, { signal: AbortSignal.timeout(PROBE_LIMIT_MS) });
    const text = await response.body.text();
    return response.statusCode === 200 ? parse(text) : undefined;
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
