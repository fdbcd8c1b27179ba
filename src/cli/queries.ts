import type { Config } from '../config.ts';
import { type QueryValues, SAVED_QUERIES, type SavedQuery, type SavedQueryName } from '../contracts/savedQueries.ts';
import type { Cli, Style } from './cli.ts';
import { CommandError } from './exit.ts';
import { listUrl } from './links.ts';
import { type Session, withSession } from './session.ts';

export interface QueryState {
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
  /** Workflows that it finds now; null: Temporal did not tell. */
  count: number | null;
}

export interface Queries {
  queries: QueryState[];
  /** Why there are no counts; null: there are. */
  problem: string | null;
}

const CONNECT_LIMIT_MS = 2_000;
const COUNT_LIMIT_MS = 5_000;
const DAY_MS = 24 * 3_600_000;

/**
 * The saved queries as they are at this moment, with what they find if Temporal answers.
 *
 * @param values bounds that are asked for
 */
export async function gatherQueries(
  cli: Cli,
  config: Config,
  values: Pick<QueryValues, 'testAuc' | 'driftShare'>,
): Promise<Queries> {
  const all: QueryValues = {
    ...values,
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
/** gRPC's status of a filter that names what the server does not know. */
const INVALID_ARGUMENT = 3;

async function countOf({ client }: Session, filter: string): Promise<number | null> {
  const { isGrpcServiceError, ServiceError } = await import('@temporalio/client');
  try {
    const { count } = await client.withDeadline(Date.now() + COUNT_LIMIT_MS, () => client.workflow.count(filter));
    return count;
  } catch (error) {
    const cause = error instanceof ServiceError ? error.cause : error;
    if (isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT) return null;
    throw error;
  }
}

/**
 * The saved queries for a reader.
 *
 * @param saving whether the links are those that save
 */
export function queryLines({ queries, problem }: Queries, { saving, style }: { saving: boolean; style: Style }) {
  return [
    ...queries.flatMap(({ name, about, filter, url, saveUrl, count }) => [
      `${style('bold', name)}${count === null ? '' : `  ${found(count)}`}`,
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

const found = (count: number) => `${count} now`;
