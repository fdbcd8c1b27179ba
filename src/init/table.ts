import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../contracts/text.ts';
import { hasBundled, runBundled } from '../systems/processes/bundled.ts';
import { type Section, said } from './entries.ts';
import type { ProjectView } from './view.ts';

const text = z.string().nullable();
const Proposed = z.object({ target: text, why: z.string(), positive: text, group: text, drop: z.array(z.string()) });
/** What the bundled steps could learn from a table. */
export type Table = z.infer<typeof Proposed>;

const LIMIT_MS = 120_000;

/** Reads a table as the bundled steps do; one that they cannot read says why. */
export async function describeTable({ root }: ProjectView, path: string): Promise<Table> {
  const unknown = (why: string): Table => ({ target: null, why, positive: null, group: null, drop: [] });
  if (!hasBundled()) return unknown('the Python of the bundled steps is not set up: node setup/bootstrap.mjs');
  const { stdout, shortMessage } = await runBundled(['-m', 'mediwatch_training.training.propose', join(root, path)], {
    timeoutMs: LIMIT_MS,
  });
  const answer = parseJson(stdout);
  const { data: failed } = z.object({ error: z.string() }).safeParse(answer);
  return Proposed.safeParse(answer).data ?? unknown(failed?.error ?? shortMessage ?? 'it could not be read');
}

/** What is predicted from the table. */
export function tableSettings({ target, why, positive, group, drop }: Table): Section {
  const alone = 'No column names what several rows belong to: they are split one by one.';
  return {
    target: said(target ?? 'FILL_IN', `The column to predict: ${why}.`),
    positive: said(positive ?? undefined, 'Of its two values the one that a prediction is the probability of.'),
    group: said(group, group === null ? alone : 'Several rows have one value of it: they stay in one split.'),
    drop: said(drop, drop.length > 0 ? 'Each row has its own value there.' : ''),
  };
}
