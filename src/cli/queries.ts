import type { Config } from '../config.ts';
import { type QueryValues, SAVED_QUERIES, type SavedQuery, type SavedQueryName } from '../contracts/savedQueries.ts';
import { listUrl } from '../words/links.ts';
import type { Cli, Style } from './cli.ts';
import { CommandError } from './exit.ts';
import { isInvalid, type Session, withSession } from './session.ts';

interface QueryState {
  id: SavedQueryName;
  /** What the UI's list of saved views calls it. */
  name: string;
  about: string;
  /** List filter of Temporal. */
  filter: string;
  /** The filtered list in the UI. */
  url: string;
  /** The same, and the browser keeps it among its saved views. */
  saveUrl: string;
  /** Workflows that it finds now; null: Temporal did not answer. */
  count: number | null;
}

interface Queries {
  queries: QueryState[];
  /** Why there are no counts; null: there are. */
  problem: string | null;
}

const CONNECT_LIMIT_MS = 2_000;
const COUNT_LIMIT_MS = 5_000;
const DAY_MS = 24 * 3_600_000;

interface Wanted extends Pick<QueryValues, 'testAuc' | 'driftShare'> {
  /** Links that save. */
  save: boolean;
}

/** Shows the saved queries, with what they find now if Temporal answers. */
export async function showQueries(cli: Cli, config: Config, { save, ...bounds }: Wanted): Promise<void> {
  const queries = await gatherQueries(cli, config, bounds);
  cli.show(queries, () => queryLines(queries, save, cli.style));
}

async function gatherQueries(cli: Cli, config: Config, bounds: Omit<Wanted, 'save'>): Promise<Queries> {
  const all: QueryValues = {
    ...bounds,
    registeredModel: config.registry.registeredModel,
    aDayAgo: new Date(Date.now() - DAY_MS).toISOString(),
  };
  const queries = Object.entries<SavedQuery>(SAVED_QUERIES).map(([id, { name, about, filter }]) => {
    const text = filter(all);
    const urls = { url: listUrl(config, text), saveUrl: listUrl(config, text, name) };
    return { id: id as SavedQueryName, name, about, filter: text, ...urls };
  });
  const { counts, problem } = await counted(
    cli,
    queries.map(({ filter }) => filter),
  );
  return { queries: queries.map((query, at) => ({ ...query, count: counts[at] ?? null })), problem };
}

async function counted(
  cli: Cli,
  filters: readonly string[],
): Promise<{ counts: Array<number | null>; problem: string | null }> {
  try {
    const ask = (session: Session) => Promise.all(filters.map((filter) => countOf(session, filter)));
    const counts = await withSession(cli, ask, { connectLimitMs: CONNECT_LIMIT_MS });
    return { counts, problem: counts.includes(null) ? UNKNOWN_ATTRIBUTES : null };
  } catch (error) {
    if (!(error instanceof CommandError) || cli.io.interrupted.aborted) throw error;
    return { counts: [], problem: error.message };
  }
}

const UNKNOWN_ATTRIBUTES =
  'Temporal does not know all of our search attributes: a worker adds them when it starts; to Temporal Cloud add them there.';
/** Null: Temporal does not know a name in the filter. */
async function countOf({ client }: Session, filter: string): Promise<number | null> {
  try {
    const { count } = await client.withDeadline(Date.now() + COUNT_LIMIT_MS, () => client.workflow.count(filter));
    return count;
  } catch (error) {
    if (await isInvalid(error)) return null;
    throw error;
  }
}

function queryLines({ queries, problem }: Queries, saving: boolean, style: Style): string[] {
  return [
    ...queries.flatMap(({ name, about, filter, url, saveUrl, count }) => [
      `${style('bold', name)}${count === null ? '' : `  ${count} now`}`,
      `  ${about}`,
      style('dim', `  ${filter}`),
      `  ${saving ? saveUrl : url}`,
      '',
    ]),
    saving
      ? 'Each link also keeps its query under Saved Views of this browser; opened twice, it is there twice.'
      : 'With --save the links also keep the query under Saved Views of the browser that opens them.',
    ...(problem ? [style('yellow', problem)] : []),
  ];
}
