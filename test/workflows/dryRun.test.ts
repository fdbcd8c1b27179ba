import { beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../src/contracts/errors.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import type { PromoteResult, RedeployResult, RollbackResult } from '../../src/contracts/workflows.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { addVersions, createWorld, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => useWorld());

/** Version 1 is in Production and serves; version 2 is a little better, version 3 much worse. */
function useWorld(env: Record<string, string> = {}): void {
  world = bench.world = createWorld(env, { told: true });
  addVersions(world, 0.68, 0.69, 0.5);
}

/** Activities that leave nothing behind. */
const LOOKS = ['resolvePlan', 'readRegistry', 'describeVersion', 'compareVersions', 'preflight', 'serving'];

async function dryRun<Result>(type: string, input: object): Promise<{ result: Result; details: Progress }> {
  const before = structuredClone([world.versions, world.aliases, world.serving, [...world.candidates]]);
  world.calls.length = 0;
  const handle = await bench.start(type, { ...input, dryRun: true });
  const result = (await handle.result()) as Result;
  expect([world.versions, world.aliases, world.serving, [...world.candidates]]).toEqual(before);
  expect(world.calls.map(({ name }) => name).filter((name) => !LOOKS.includes(name))).toEqual([]);
  return { result, details: await handle.query<Progress>('progress') };
}

describe('a dry run of a promotion', () => {
  it('tells all that would be done, of a version that passes the gate', async () => {
    useWorld({ MEDIWATCH_ROLLOUT_STRATEGY: 'canary', MEDIWATCH_ROLLOUT_SHARE: '0.2' });
    const input = { version: '2', stagingFirst: true, approval: true };
    const { result, details } = await dryRun<PromoteResult>('promote', input);
    expect(result.promotion).toMatchObject({ promoted: false, champion: '1', challengerAuc: 0.69, championAuc: 0.68 });
    expect(result.promotion.verdict.code).toBe('passed');
    expect(result.deployment).toBeNull();
    expect(result.would).toMatchObject([
      { code: 'smokeTest', version: '2' },
      { code: 'ask', version: '2' },
      { code: 'promote', version: '2', champion: '1' },
      { code: 'deploy', version: '2', serving: '1', strategy: 'canary', share: 0.2 },
    ]);
    expect(details.stages.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(details.result).toMatchObject({ would: result.would });
  });

  it('tells why the gate refuses', async () => {
    const { result, details } = await dryRun<PromoteResult>('promote', { version: '3' });
    expect(result.would).toEqual([]);
    expect(result.promotion.verdict).toMatchObject({ code: 'refused', rules: [{ challenger: 0.5, champion: 0.68 }] });
    expect(details.stages.map(({ state }) => state)).toEqual(['done', 'skipped']);
  });

  it('of the version in Production would do nothing', async () => {
    const { result } = await dryRun<PromoteResult>('promote', { version: '1' });
    expect(result).toMatchObject({ promotion: { verdict: { code: 'inProduction' } }, would: [] });
  });

  it('to Staging touches no API', async () => {
    const { result } = await dryRun<PromoteResult>('promote', { version: '2', registryStage: 'Staging' });
    expect(result.would).toEqual([{ code: 'stage', version: '2' }]);
  });

  it('fails as the promotion would when the version cannot be deployed', async () => {
    world.override.preflight = async () => {
      throw failure('InvalidConfig', 'The disk is full.');
    };
    const refused = await bench.refusal('promote', { version: '2', dryRun: true });
    expect(refused.message).toContain('The disk is full.');
    expect(world.aliases.champion).toBe('1');
    expect(world.versions[1]?.tags).toEqual({});
  });
});

describe('a dry run of a rollback', () => {
  it('tells what would be done', async () => {
    await bench.run('promote', { version: '2' });
    const { result } = await dryRun<RollbackResult>('rollback', { reason: 'ward 7' });
    expect(result).toMatchObject({ version: '1', left: '2', deployment: null });
    expect(result.would).toMatchObject([
      { code: 'rollBack', version: '1', left: '2', reason: 'ward 7' },
      { code: 'deploy', version: '1', serving: '2' },
    ]);
  });

  it('refuses what a rollback refuses', async () => {
    expect((await bench.refusal('rollback', { dryRun: true })).type).toBe('ModelNotFound');
    expect((await bench.refusal('rollback', { version: '1', dryRun: true })).message).toContain('already');
  });
});

it('a dry run of a deployment tells what would be done', async () => {
  const { result } = await dryRun<RedeployResult>('redeploy', { version: '2' });
  expect(result).toMatchObject({ version: '2', previousVersion: '1', checks: [] });
  expect(result.would).toMatchObject([{ code: 'deploy', version: '2', serving: '1' }]);
});
