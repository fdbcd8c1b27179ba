import type { Connection } from '@temporalio/client';
import type { Config } from '../config.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/savedQueries.ts';
import { whyAway } from '../systems/temporal.ts';
import { type FactsOf, type Finding, finding } from '../words/findings.ts';
import { type Check, need } from './run.ts';

const LIMIT_MS = 5_000;
/** gRPC's status of what does not exist. */
const NOT_FOUND = 5;

/** Temporal answers, and has the namespace. */
export const temporalCheck: Check = {
  name: 'Temporal',
  async run({ config, temporal }) {
    try {
      const connection = await temporal();
      return await connection.withDeadline(Date.now() + LIMIT_MS, () => examineServer(connection, config));
    } catch (error) {
      return [finding('temporalAway', { address: config.temporal.address, reason: await whyAway(config, error) })];
    }
  },
};

async function examineServer({ workflowService }: Connection, { temporal }: Config): Promise<Finding[]> {
  const { address, namespace } = temporal;
  const { serverVersion } = await workflowService.getSystemInfo({});
  const at = { address, namespace };
  const server = { version: serverVersion ?? '', ...at };
  try {
    const { config, namespaceInfo } = await workflowService.describeNamespace({ namespace });
    const { capabilities, limits } = namespaceInfo ?? {};
    const own = {
      retentionDays: Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / DAY_SECONDS,
      updates: capabilities?.syncUpdate ?? undefined,
      payloadBytes: Number(limits?.blobSizeLimitError ?? 0) || undefined,
    };
    return [finding('temporalAnswers', { ...server, ...own }), ...judgeNamespace({ ...at, ...own })];
  } catch (error) {
    if ((error as { code?: number }).code !== NOT_FOUND) throw error;
    return [finding('namespaceMissing', server)];
  }
}

const DAY_SECONDS = 86_400;
/** A run that failed on Friday is to be found on Monday. */
const LEAST_RETENTION_DAYS = 3;
/** No payload is larger: `test/workflows/longSearch` holds it for a search with a thousand trials. */
const LARGEST_PAYLOAD_BYTES = 2 ** 20;

interface Namespace {
  namespace: string;
  address: string;
  /** How long it keeps a workflow that is closed. */
  retentionDays: number;
  /** Whether it takes updates; undefined: the server does not say. */
  updates: boolean | undefined;
  /** The largest payload that it takes; undefined: the server does not say. */
  payloadBytes: number | undefined;
}

/** What of a namespace would be in the way. */
export function judgeNamespace({ retentionDays, updates, payloadBytes, ...at }: Namespace): Finding[] {
  return [
    ...(retentionDays < LEAST_RETENTION_DAYS ? [finding('retentionShort', { ...at, retentionDays })] : []),
    ...(updates === false ? [finding('updatesRefused', {})] : []),
    ...(payloadBytes !== undefined && payloadBytes < LARGEST_PAYLOAD_BYTES
      ? [finding('payloadsLimited', { payloadBytes, neededBytes: LARGEST_PAYLOAD_BYTES })]
      : []),
  ];
}

/** Kinds of task in Temporal's protocol (TaskQueueType). */
const WORKFLOW = 1;
const ACTIVITY = 2;
const ROLES = { orchestration: WORKFLOW, training: ACTIVITY, deployment: ACTIVITY } as const;
type Role = keyof typeof ROLES;

/** Every task queue is served. */
export const workersCheck: Check = {
  name: 'Workers',
  async run({ config, temporal }) {
    const connection = await need(temporal(), 'temporal');
    const { namespace } = config.temporal;
    const states = connection.withDeadline(Date.now() + LIMIT_MS, async () => {
      const busy = await isBusy(connection, namespace);
      return await Promise.all(
        (Object.keys(ROLES) as Role[]).map(async (role) => ({ ...(await queueOf(connection, namespace, role)), busy })),
      );
    });
    return (await need(states, 'namespace')).map(judgeQueue);
  },
};

async function isBusy({ workflowService }: Connection, namespace: string): Promise<boolean> {
  const { count } = await workflowService.countWorkflowExecutions({ namespace, query: "ExecutionStatus = 'Running'" });
  return Number(count ?? 0) > 0;
}

async function queueOf({ workflowService }: Connection, namespace: string, role: Role) {
  const queue = TASK_QUEUES[role];
  const { pollers, stats } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: ROLES[role],
    reportStats: true,
  });
  const now = Date.now();
  const pollerAges = (pollers ?? []).map(({ lastAccessTime }) =>
    Math.max(0, now - Number(lastAccessTime?.seconds ?? 0) * 1000),
  );
  return { queue, role, pollerAges, backlog: Number(stats?.approximateBacklogCount ?? 0) };
}

interface QueueState {
  queue: string;
  /** Of the workers that serve it. */
  role: Role;
  /** How long ago each of its workers last asked for work (ms); Temporal remembers a worker for five minutes. */
  pollerAges: readonly number[];
  /** Tasks that wait. */
  backlog: number;
  /** Whether workflows run, so that a worker may be too busy to ask for work. */
  busy: boolean;
}

/** A worker asks for work at least once a minute, unless all of its slots are taken (ms). */
const FRESH_MS = 90_000;

export function judgeQueue({ queue, role, pollerAges, backlog, busy }: QueueState): Finding {
  const workers = pollerAges.filter((age) => age <= FRESH_MS).length;
  if (workers > 0) return finding('queueServed', { queue, role, backlog, workers });
  const lastAskedMs = pollerAges.length > 0 ? Math.min(...pollerAges) : null;
  const code = busy && role !== 'orchestration' ? 'queueBusyOrUnserved' : 'queueUnserved';
  return finding(code, { queue, role, backlog, lastAskedMs });
}

/** What the command line of Temporal calls the types. */
const TYPES: Record<string, string> = { KEYWORD: 'Keyword', DOUBLE: 'Double' };

/** The namespace knows the attributes by which workflows are found. */
export const searchAttributesCheck: Check = {
  name: 'Search attributes',
  async run({ config, temporal }) {
    const connection = await need(temporal(), 'temporal');
    const { namespace, address } = config.temporal;
    const listed = connection.withDeadline(Date.now() + LIMIT_MS, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    );
    const { customAttributes } = await need(listed, 'namespace');
    const wanted = Object.values(SEARCH_ATTRIBUTES);
    const missing: FactsOf<'searchAttributesMissing'>['missing'] = wanted
      .filter(({ name }) => !(name in (customAttributes ?? {})))
      .map(({ name, type }) => ({ name, type: TYPES[type] ?? type }));
    return missing.length === 0
      ? [finding('searchAttributesRegistered', { count: wanted.length })]
      : [finding('searchAttributesMissing', { missing, namespace, address })];
  },
};
