import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { decidePromotion } from '../../src/contracts/approval.ts';
import { failure } from '../../src/contracts/errors.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import type { PromoteResult } from '../../src/contracts/workflows.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { failureOf } from '../support/workflowBench.ts';
import { addVersions, createWorld, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  world = bench.world = createWorld();
});

const versions = (...aucs: number[]) => addVersions(world, ...aucs);
const inProduction = () => world.versions.filter(({ stage }) => stage === 'Production').map(({ version }) => version);
const promote = async (input: object) => (await bench.run('promote', input)) as PromoteResult;
const waiting = (handle: WorkflowHandle) =>
  until(async () => (await handle.query<Progress>('progress').catch(() => null))?.waiting?.for === 'decision', {
    timeoutMs: 20_000,
    what: 'the promotion to wait for a decision',
  });

describe('the gate', () => {
  it('follows rules of the run in place of those of the configuration', async () => {
    versions(0.68, 0.69);
    const rules = [{ metric: 'test_auc', direction: 'higher', minGain: 0.02 }];
    const { promotion } = await promote({ version: '2', rules });
    expect(promotion).toMatchObject({ promoted: false });
    expect(promotion.verdict).toMatchObject({ code: 'refused', rules: [{ minGain: 0.02, holds: false }] });
    expect(inProduction()).toEqual(['1']);
  });

  it('can be always or never, and force overrules it', async () => {
    versions(0.7, 0.5, 0.5);
    expect((await promote({ version: '2', policy: 'never' })).promotion.promoted).toBe(false);
    expect((await promote({ version: '2', policy: 'always' })).promotion.promoted).toBe(true);
    expect((await promote({ version: '3', policy: 'never', force: true })).promotion).toMatchObject({
      promoted: true,
      forced: true,
      verdict: { code: 'policyNever' },
    });
    expect(inProduction()).toEqual(['3']);
  });
});

describe('a rollback', () => {
  it('given twice does not bring back what the first one took away, unless it is named', async () => {
    versions(0.68, 0.69);
    await promote({ version: '2' });
    await bench.run('rollback', { reason: 'ward 7' });
    const refusal = await bench.refusal('rollback');
    expect(refusal).toMatchObject({ type: 'InvalidInput', message: expect.stringContaining('rolled back (ward 7)') });
    expect(inProduction()).toEqual(['1']);
    await bench.run('rollback', { version: '2' });
    expect(inProduction()).toEqual(['2']);
  });
});

describe('the history of Production', () => {
  it('tells who brought which version, why, and what it replaced', async () => {
    versions(0.68, 0.69);
    await promote({ version: '2', by: 'ada' });
    await bench.run('rollback', { by: 'grace', reason: 'ward 7' });
    expect(world.history).toMatchObject([
      {
        version: '2',
        replaced: '1',
        actor: 'ada',
        reason: { code: 'promote', verdict: { code: 'passed' }, challengerAuc: 0.69, championAuc: 0.68 },
      },
      { version: '1', replaced: '2', actor: 'grace', reason: { code: 'rollback', reason: 'ward 7' } },
    ]);
  });

  it('tells of a change that was taken back', async () => {
    versions(0.68, 0.69);
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    await bench.refusal('promote', { version: '2', by: 'ada' });
    expect(world.history.map(({ reason, version }) => `${reason.code} ${version}`)).toEqual(['promote 2', 'restore 1']);
    expect(inProduction()).toEqual(['1']);
  });

  it('says that nothing is in Production again when the first version was taken back', async () => {
    world.versions.push({ version: '1', stage: 'None', tags: {}, auc: 0.68 });
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    await bench.refusal('promote', { version: '1', by: 'ada' });
    expect(world.history).toMatchObject([
      { version: '1', replaced: null, reason: { code: 'promote' } },
      { version: null, replaced: '1', reason: { code: 'restore', cause: expect.stringContaining('It answered 500.') } },
    ]);
    expect(inProduction()).toEqual([]);
  });

  it('has nothing of a change that did not happen', async () => {
    versions(0.68, 0.69);
    world.override.promoteVersion = async () => {
      throw failure('MlflowRefused', 'MLflow says no.');
    };
    await bench.refusal('promote', { version: '2' });
    expect(world.history).toEqual([]);
  });

  it('is put back too when it cannot be written', async () => {
    versions(0.68, 0.69);
    world.override.recordProduction = async () => {
      throw failure('MlflowRefused', 'MLflow says no.');
    };
    await bench.refusal('promote', { version: '2' });
    expect(inProduction()).toEqual(['1']);
    expect(world.serving?.version).toBe('1');
  });
});

describe('approval', () => {
  it('is waited for, and promotes with the name of who approved', async () => {
    versions(0.68, 0.69);
    const handle = await bench.start('promote', { version: '2', approval: true });
    await waiting(handle);
    expect(inProduction()).toEqual(['1']);
    const said = await handle.executeUpdate(decidePromotion, {
      args: [{ decision: 'approve', by: 'ada', version: '2' }],
    });
    expect(said).toEqual({ registeredModel: 'MediWatchReadmit', version: '2', decision: 'approve' });
    expect(await handle.result()).toMatchObject({ promotion: { promoted: true, approvedBy: 'ada' } });
    expect(world.history).toMatchObject([{ actor: 'ada', version: '2' }]);
  });

  it('that is rejected changes nothing and says who and why', async () => {
    versions(0.68, 0.69);
    const handle = await bench.start('promote', { version: '2', approval: true });
    await waiting(handle);
    await handle.executeUpdate(decidePromotion, {
      args: [{ decision: 'reject', by: 'grace', reason: 'not on Friday' }],
    });
    const refused = await failureOf(handle);
    expect(refused.type).toBe('ApprovalRejected');
    expect(refused.message).toContain('grace rejected version 2: not on Friday');
    expect(inProduction()).toEqual(['1']);
  });

  it.each([
    ['about another version', { decision: 'approve', by: 'ada', version: '1' }, 'version 1, but version 2 waits'],
    ['without a reason to reject', { decision: 'reject', by: 'ada' }, 'needs a reason'],
    ['that is none', { decision: 'perhaps', by: 'ada' }, 'decision: '],
    ['without a name', { decision: 'approve' }, 'by: '],
  ])('refuses a decision %s', async (_, decision, named) => {
    versions(0.68, 0.69);
    const handle = await bench.start('promote', { version: '2', approval: true });
    await waiting(handle);
    const refused = await handle.executeUpdate(decidePromotion, { args: [decision as never] }).catch((error) => error);
    expect(refused.cause.message).toContain(named);
    await handle.terminate();
  });

  it('expires', async () => {
    world = bench.world = createWorld({ MEDIWATCH_APPROVAL_EXPIRE_AFTER: '1', MEDIWATCH_APPROVAL_REMIND_EVERY: '0.4' });
    versions(0.68, 0.69);
    const refused = await bench.refusal('promote', { version: '2', approval: true });
    expect(refused.message).toContain('Nobody decided about version 2 in time.');
    expect(inProduction()).toEqual(['1']);
  });

  it('that comes when the time is over is refused, although the promotion still tells people', async () => {
    world = bench.world = createWorld({ MEDIWATCH_APPROVAL_EXPIRE_AFTER: '1' }, { told: true });
    versions(0.68, 0.69);
    let isAnswered = false;
    world.override.notify = async ({ severity }) => {
      if (severity !== 'info') await until(() => isAnswered, { timeoutMs: 20_000, what: 'the answer' });
      return [];
    };
    const handle = await bench.start('promote', { version: '2', approval: true });
    await waiting(handle);
    const over = async () => (await handle.query<Progress>('progress')).waiting === null;
    await until(over, { timeoutMs: 20_000, what: 'the end of the time' });
    const late = { args: [{ decision: 'approve', by: 'ada' }] } as const;
    const refused = await handle.executeUpdate(decidePromotion, late as never).catch((error) => error);
    isAnswered = true;
    expect(refused.cause.message).toContain('The time to decide about version 2 is over.');
    expect((await failureOf(handle)).message).toContain('Nobody decided');
  });

  it('holds up no other promotion, and is asked again of the gate when the champion has changed', async () => {
    versions(0.68, 0.69, 0.7);
    const handle = await bench.start('promote', { version: '2', approval: true });
    await waiting(handle);
    await promote({ version: '3' });
    expect(inProduction()).toEqual(['3']);
    await handle.executeUpdate(decidePromotion, { args: [{ decision: 'approve', by: 'ada' }] });
    expect(await handle.result()).toMatchObject({
      promotion: {
        promoted: false,
        champion: '3',
        verdict: { code: 'refused', rules: [{ challenger: 0.69, champion: 0.7 }] },
      },
    });
    expect(inProduction()).toEqual(['3']);
  });
});

describe('staging first', () => {
  it('smoke-tests an API of the version in Staging before Production', async () => {
    versions(0.68, 0.69);
    await promote({ version: '2', stagingFirst: true });
    const brought = world.calls.filter(({ name }) => name === 'bringUpCandidate').map(({ input }) => String(input.key));
    expect(brought.map((key) => key.split('-')[0])).toEqual(['staging', '2']);
    expect(inProduction()).toEqual(['2']);
    expect([...world.candidates]).toEqual([world.serving?.key]);
  });

  it('stops there when the smoke test fails, with the registry as before', async () => {
    versions(0.68, 0.69);
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    await bench.refusal('promote', { version: '2', stagingFirst: true });
    expect(world.versions.map(({ stage }) => stage)).toEqual(['Production', 'None']);
    expect(world.history).toEqual([]);
  });
});

describe('a rollout in steps', () => {
  beforeEach(() => {
    world = bench.world = createWorld({ MEDIWATCH_ROLLOUT_BAKE_SECONDS: '0.2', MEDIWATCH_ROLLOUT_SHARE: '0.4' });
    versions(0.68, 0.69);
  });
  const shares = () => world.shares.map(({ share }) => share);

  it('gives a canary its share, then everything', async () => {
    await promote({ version: '2', strategy: 'canary' });
    expect(shares()).toEqual([0.4, 1]);
    expect(world.serving?.version).toBe('2');
  });

  it('of the first version that serves leaves nothing serving when it fails', async () => {
    versions(0.68);
    world.serving = null;
    world.candidates.clear();
    const { shiftTraffic } = world.activities();
    world.override.shiftTraffic = async (request) => {
      await shiftTraffic?.(request);
      throw failure('DeploymentFailed', 'Its tag cannot be pushed.');
    };
    expect((await bench.refusal('redeploy', { version: '1' })).message).toContain('cannot be pushed');
    expect([world.serving, [...world.candidates]]).toEqual([null, []]);
  });

  it('goes in equal steps when it is linear', async () => {
    await promote({ version: '2', strategy: 'linear' });
    expect(shares()).toEqual([0.4, 0.8, 1]);
  });

  it('takes the traffic back by itself on a breach, and the registry too', async () => {
    world.override.traffic = async () =>
      [...world.candidates].map((key) => ({
        key,
        requests: 100,
        failed: key.startsWith('2-') ? 30 : 0,
        latencyMs: null,
        probabilities: [],
      }));
    const refused = await bench.refusal('promote', { version: '2', strategy: 'canary' });
    expect(refused.type).toBe('CanaryBreached');
    expect(refused.message).toContain('30 % of its 100 requests failed');
    expect(shares()).toEqual([0.4, 0]);
    expect(world.serving?.version).toBe('1');
    expect([...world.candidates]).toEqual(['1-first']);
    expect(inProduction()).toEqual(['1']);
  });
});

describe('20 promotions at once', () => {
  it('are all decided, one at a time, with one Production version at every moment', async () => {
    versions(...Array.from({ length: 21 }, (_, index) => 0.68 + index / 10_000));
    let changing = 0;
    let most = 0;
    const seen: string[][] = [];
    const { promoteVersion } = world.activities();
    world.override.promoteVersion = async (input) => {
      changing += 1;
      most = Math.max(most, changing);
      await promoteVersion?.(input);
      await delay(5);
      seen.push(inProduction());
      changing -= 1;
    };
    const results = (await Promise.all(
      Array.from({ length: 20 }, (_, index) => promote({ version: String(index + 2) })),
    )) as PromoteResult[];
    expect(results).toHaveLength(20);
    expect(most).toBe(1);
    expect(seen.every((versions) => versions.length === 1)).toBe(true);
    expect(inProduction()).toEqual([world.serving?.version]);
    // What the history says came in last is what is there.
    expect(world.history.at(-1)?.version).toBe(world.serving?.version);
    for (const [index, entry] of world.history.entries()) {
      expect(entry.replaced).toBe(index === 0 ? '1' : world.history[index - 1]?.version);
    }
  }, 240_000);
});
