import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Decision } from '../../src/contracts/approval.ts';
import { LockRequest } from '../../src/contracts/lock.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import { SearchProgress, StageProgress } from '../../src/contracts/progress.ts';
import { DriftAlert, Steering } from '../../src/contracts/steward.ts';
import { until } from '../support/until.ts';
import { createFuzzBench, type FuzzBench } from './support/bench.ts';
import { anyPayloads, json, type RawPayload } from './support/cases.ts';
import { forAll } from './support/forAll.ts';
import { arbitraryOf } from './support/zodArbitrary.ts';

const MESSAGES = Number(process.env.FUZZ_MESSAGES ?? (process.env.CI ? 300 : 600));
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** Model whose workflows wait: for training to end, for a decision, for the lock, for an alert. */
const MODEL = 'waits';
const STEWARD = workflowIds.steward(MODEL);
const LOCK = workflowIds.lock(MODEL);
const TARGETS = ['held-retrain', 'asking-promote', 'holding-redeploy', 'queued-redeploy', LOCK, STEWARD];

const ofSchema = (schema: Parameters<typeof arbitraryOf>[0]) => arbitraryOf(schema).map((value) => [json(value)]);
/** What a message would carry if it were meant. */
const MEANT = new Map<string, fc.Arbitrary<RawPayload[]>>(
  Object.entries({
    stageProgressed: ofSchema(StageProgress),
    searchProgressed: ofSchema(SearchProgress),
    requestLock: ofSchema(LockRequest),
    releaseLock: fc.string().map((token) => [json(token)]),
    lockGranted: fc.string().map((token) => [json(token)]),
    driftAlert: ofSchema(DriftAlert),
    pause: ofSchema(Steering),
    resume: ofSchema(Steering),
    retrainNow: ofSchema(Steering),
    // It decides about another version than the one that waits.
    decide: ofSchema(Decision).map(([payload]) => [
      json({ ...(JSON.parse(Buffer.from(payload?.data ?? []).toString()) as object), version: '77' }),
    ]),
  }),
);
const NAMES = [...MEANT.keys(), 'progress', 'steward', 'lockQueue', '__proto__', 'constructor', 'unknown', '漢字'];
const SDK_QUERIES = ['__stack_trace', '__enhanced_stack_trace', '__temporal_workflow_metadata'];

interface Message {
  to: string;
  kind: string;
  name: string;
  payloads: RawPayload[];
}

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.constantFrom(...NAMES).chain((name) =>
    fc.record({
      to: fc.constantFrom(...TARGETS),
      kind: fc.constantFrom('signal', 'query', 'update'),
      name: fc.constant(name),
      payloads: fc.oneof(anyPayloads, MEANT.get(name) ?? anyPayloads),
    }),
  ),
  fc.record({
    to: fc.constantFrom(...TARGETS),
    kind: fc.constant('query'),
    name: fc.oneof(fc.constantFrom(...SDK_QUERIES), fc.string({ minLength: 1 })),
    payloads: anyPayloads,
  }),
);

let bench: FuzzBench;
let letGo = () => {};
beforeAll(async () => {
  bench = await createFuzzBench();
  const world = bench.worldOf(MODEL, {
    MEDIWATCH_APPROVAL_EXPIRE_AFTER: '3600',
    MEDIWATCH_APPROVAL_REMIND_EVERY: '3600',
  });
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { trainModel, bringUpCandidate } = world.activities();
  world.override.trainModel = async (request) => {
    await held;
    return (await trainModel?.(request)) as never;
  };
  world.override.bringUpCandidate = async (request) => {
    await held;
    return (await bringUpCandidate?.(request)) as never;
  };
  const input = { registeredModel: MODEL };
  await bench.start('retrain', [json({ ...input, trials: 2 })], 'held-retrain');
  await bench.start('promote', [json({ ...input, version: '3', policy: 'always', approval: true })], 'asking-promote');
  await bench.start('redeploy', [json({ ...input, version: '1' })], 'holding-redeploy');
  await until(
    async () => ((await answer(LOCK, 'lockQueue')) as unknown[] | undefined)?.length === 1,
    waiting('the lock'),
  );
  await bench.start('redeploy', [json({ ...input, version: '2' })], 'queued-redeploy');
  await bench.start('driftSteward', [json(input)], STEWARD);
  await until(async () => (await answer('asking-promote', 'progress')) !== undefined, waiting('the promotion'));
});
afterAll(async () => {
  letGo();
  await bench?.close();
});

const waiting = (what: string) => ({ timeoutMs: 60_000, what: `${what} to be there` });
const handleOf = (workflowId: string): WorkflowHandle => bench.client.workflow.getHandle(workflowId);
const answer = (workflowId: string, query: string): Promise<unknown> =>
  handleOf(workflowId)
    .query(query)
    .catch(() => undefined);

/** Codes of gRPC with which the server, or a handler, refuses a message. */
const REFUSALS = { invalidArgument: 3, deadlineExceeded: 4, notFound: 5, resourceExhausted: 8, failedPrecondition: 9 };

async function send({ to, kind, name, payloads }: Message): Promise<void> {
  const { workflowService } = bench.client;
  const execution = { workflowId: to };
  const args = { payloads };
  const common = { namespace: 'default' };
  if (kind === 'signal') {
    const request = { ...common, workflowExecution: execution, signalName: name, input: args, requestId: randomUUID() };
    await workflowService.signalWorkflowExecution(request);
  } else if (kind === 'query') {
    await workflowService.queryWorkflow({ ...common, execution, query: { queryType: name, queryArgs: args } });
  } else {
    const request = { meta: { updateId: randomUUID(), identity: 'test' }, input: { name, args } };
    // Until a worker has accepted or refused it.
    const waitPolicy = { lifecycleStage: 2 };
    await workflowService.updateWorkflowExecution({ ...common, workflowExecution: execution, request, waitPolicy });
  }
}

it(`${MESSAGES} random signals, queries and updates (FUZZ_MESSAGES) with the seed ${SEED} leave every workflow as well as it was`, async () => {
  await forAll(
    message,
    async (sent) => {
      await send(sent).catch((error: { code?: number }) => {
        expect(Object.values(REFUSALS), String(error)).toContain(error.code);
      });
    },
    { runs: MESSAGES, seed: SEED, atOnce: 12 },
  );

  // Each still answers, shows itself, and does what it was there for.
  for (const workflowId of TARGETS.slice(0, 4)) expect(await answer(workflowId, 'progress'), workflowId).toBeDefined();
  expect(await answer(STEWARD, 'steward')).toMatchObject({ registeredModel: MODEL });
  expect(await answer(LOCK, 'lockQueue')).toBeInstanceOf(Array);
  for (const workflowId of TARGETS) {
    const metadata = (await answer(workflowId, '__temporal_workflow_metadata')) as { currentDetails?: string };
    expect(metadata.currentDetails?.length, workflowId).toBeGreaterThan(10);
  }
  letGo();
  const decision = { decision: 'approve', by: 'Ada' };
  await handleOf('asking-promote').executeUpdate('decide', { args: [decision] });
  for (const workflowId of TARGETS.slice(0, 4)) {
    const { kind, failure } = await bench.ending(workflowId);
    expect([workflowId, kind, failure?.message]).toEqual([workflowId, 'completed', undefined]);
  }
  await bench.readTheOthers();
  expect(bench.faults).toEqual([]);
}, 500_000);
