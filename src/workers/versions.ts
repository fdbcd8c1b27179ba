import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { Runtime, type Worker, type WorkerOptions } from '@temporalio/worker';
import pRetry from 'p-retry';
import type { WorkflowBundle } from '../bundle.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { ENCODES_FAILURES } from '../contracts/payloads.ts';

/** Name in Temporal: each build of the workflow code is a version of this deployment. */
export const DEPLOYMENT = 'mediwatch';

const LOOK_EVERY_MS = 10_000;
/** Temporal notes when a poll begins, which lasts a minute. */
const ALIVE_MS = 90_000;
/** So long after its end a run can be queried, which is how its page in the UI gets its details (ms). */
const QUERYABLE_MS = 24 * 3_600_000;
/** Numbers in Temporal's and gRPC's protocols. */
const WORKFLOW_TASKS = 1;
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;
/** Temporal knows a version within a second of its first polls. */
const REGISTERING = { retries: 40, minTimeout: 250, factor: 1 };
/** Search attribute of Temporal's own: the version that a run is pinned to. */
const VERSION = defineSearchAttributeKey('TemporalWorkerDeploymentVersion', 'KEYWORD');

interface VersionsOptions {
  client: Client;
  /** The build of the code that this host has today. */
  own: string;
  /** Makes a worker for an earlier build; undefined: this host does not have its code. */
  create(buildId: string): Promise<Worker | undefined>;
  /** A worker that has begun no poll for so long is gone (ms). */
  aliveMs?: number;
}

export interface Versions {
  /** Resolves after the first look. */
  ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * Options of a worker whose runs stay with the code that they began with, unless a workflow says otherwise.
 *
 * @param encrypted whether the messages of failures travel as payloads, which a codec encrypts
 */
export function versioned({ buildId, codePath }: WorkflowBundle, encrypted = false) {
  return {
    workflowBundle: encrypted
      ? { code: `globalThis.${ENCODES_FAILURES} = true;${readFileSync(codePath, 'utf8')}` }
      : { codePath },
    workerDeploymentOptions: {
      version: { deploymentName: DEPLOYMENT, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  } as const satisfies Partial<WorkerOptions>;
}

/**
 * Makes the code of this host the one that new runs begin with, if it is its turn, and hosts the earlier code that runs
 * still need. Looks at once, and then every ten seconds. What fails is logged and tried again. The worker of today's
 * code must poll by then: Temporal makes no version current that it does not know.
 */
export function hostVersions({ client, own, create, aliveMs = ALIVE_MS }: VersionsOptions): Versions {
  const { logger } = Runtime.instance();
  const hosted = new Map<string, { worker: Worker; done: Promise<void> }>();
  const missing = new Set<string>();
  const stopped = new AbortController();

  async function host(buildId: string): Promise<void> {
    const worker = await create(buildId);
    if (worker) {
      const failed = (error: Error) => logger.warn(`earlier workflow code ${buildId} stopped: ${error.message}`);
      const done = worker
        .run()
        .catch(failed)
        .finally(() => hosted.delete(buildId));
      hosted.set(buildId, { worker, done });
      logger.info(`runs go on with the workflow code that they began with: ${buildId}`);
    } else if (!missing.has(buildId)) {
      await warnOfWaiting(buildId);
    }
  }

  async function warnOfWaiting(buildId: string): Promise<void> {
    if ((await polledBuilds(client, aliveMs)).has(buildId)) return;
    if (!(await earlierBuilds(client, own, OPEN)).includes(buildId)) return;
    missing.add(buildId);
    logger.error(`runs wait for workflow code ${buildId}, which no worker has`, {
      next: 'Start a worker of the release that they began with, or one with its folder stack.dir; or reset or end them.',
    });
  }

  function takeOver(): Promise<boolean> {
    // Not yet known, or another host decided something meanwhile.
    const shouldRetry = ({ error }: { error: Error & { code?: number } }) =>
      error.code === NOT_FOUND || error.code === FAILED_PRECONDITION;
    return pRetry(() => becomeCurrent(client, own, aliveMs), { ...REGISTERING, signal: stopped.signal, shouldRetry });
  }

  async function look(): Promise<void> {
    if (await takeOver()) logger.info(`new runs begin with workflow code ${own}`);
    const needed = await earlierBuilds(client, own, `(${OPEN} OR CloseTime > '${queryableSince()}')`);
    for (const buildId of needed) if (!hosted.has(buildId)) await host(buildId);
    for (const [buildId, { worker }] of hosted) {
      if (!needed.includes(buildId) && worker.getState() === 'RUNNING') worker.shutdown();
    }
  }

  async function attempt(): Promise<void> {
    await look().catch((error: Error) => {
      if (!stopped.signal.aborted) logger.warn(`versions of the workflow code were not looked at: ${error.message}`);
    });
  }

  async function keepLooking(): Promise<void> {
    for (;;) {
      await delay(LOOK_EVERY_MS, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      await attempt();
    }
  }

  const ready = attempt();
  const looking = ready.then(keepLooking);
  return {
    ready,
    async close() {
      stopped.abort();
      await looking;
      for (const { worker } of hosted.values()) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.all([...hosted.values()].map(({ done }) => done));
    },
  };
}

/**
 * Makes a build the current one, with which new runs begin: if it never was, or if no worker polls for the current one.
 * So a new release takes over by being started, an old worker that restarts beside it does not, and going back to an
 * old release works as soon as the newer workers are gone.
 *
 * @returns whether it has just become the current one
 */
async function becomeCurrent(client: Client, own: string, aliveMs: number): Promise<boolean> {
  const { namespace } = client.options;
  const request = { namespace, deploymentName: DEPLOYMENT };
  const { conflictToken, workerDeploymentInfo: info } = await client.workflowService
    .describeWorkerDeployment(request)
    .catch((error: { code?: number }) => {
      if (error.code === NOT_FOUND) return { conflictToken: null, workerDeploymentInfo: null };
      throw error;
    });
  const current = info?.routingConfig?.currentDeploymentVersion?.buildId;
  if (current === own) return false;
  const known = info?.versionSummaries?.find(({ deploymentVersion }) => deploymentVersion?.buildId === own);
  if (current && known?.firstActivationTime && (await polledBuilds(client, aliveMs)).has(current)) return false;
  await client.workflowService.setWorkerDeploymentCurrentVersion({
    ...request,
    buildId: own,
    ...(conflictToken && { conflictToken }),
  });
  return true;
}

/** Builds for which some worker polls. */
async function polledBuilds(client: Client, aliveMs: number): Promise<Set<string>> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: TASK_QUEUES.orchestration },
    taskQueueType: WORKFLOW_TASKS,
  });
  const since = (Date.now() - aliveMs) / 1_000;
  const alive = (pollers ?? []).filter(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) > since);
  return new Set(alive.map(({ deploymentOptions }) => deploymentOptions?.buildId ?? ''));
}

const OPEN = "ExecutionStatus = 'Running'";
const queryableSince = () => new Date(Date.now() - QUERYABLE_MS).toISOString();

/** Other builds that runs are pinned to of which the condition is true. */
async function earlierBuilds(client: Client, own: string, condition: string): Promise<string[]> {
  const pinned = `TemporalWorkerDeployment = '${DEPLOYMENT}' AND TemporalWorkflowVersioningBehavior = 'Pinned'`;
  const found: string[] = [];
  // One run of each build is enough to know of it.
  for (;;) {
    const known = [own, ...found].map((buildId) => `'${DEPLOYMENT}:${buildId}'`).join(', ');
    const query = `${pinned} AND ${condition} AND ${VERSION.name} NOT IN (${known})`;
    const { value: run } = await client.workflow.list({ query, pageSize: 1 })[Symbol.asyncIterator]().next();
    const buildId = run?.typedSearchAttributes.get(VERSION)?.slice(`${DEPLOYMENT}:`.length);
    if (!buildId || found.includes(buildId)) return found;
    found.push(buildId);
  }
}
