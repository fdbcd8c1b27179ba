import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RegistrySnapshot, RegistryStage } from '../../src/contracts/registry.ts';
import { PromotionConflict, planPromotion, planRestore, type RegistryChange } from '../../src/domain/registryMoves.ts';

/** What MLflow does with one change. */
function apply(snapshot: RegistrySnapshot, change: RegistryChange): RegistrySnapshot {
  const { versions, aliases } = snapshot;
  if (change.kind === 'setAlias') return { versions, aliases: { ...aliases, [change.alias]: change.version } };
  if (change.kind === 'deleteAlias') {
    const { [change.alias]: _, ...others } = aliases;
    return { versions, aliases: others };
  }
  return {
    aliases,
    versions: versions.map(({ version, registryStage }) => {
      if (version === change.version) return { version, registryStage: change.registryStage };
      const leaves = change.archiveExisting && registryStage === change.registryStage;
      return { version, registryStage: leaves ? 'Archived' : registryStage };
    }),
  };
}

const applyAll = (snapshot: RegistrySnapshot, changes: readonly RegistryChange[]) => changes.reduce(apply, snapshot);
const inStage = ({ versions }: RegistrySnapshot, stage: RegistryStage) =>
  versions.filter(({ registryStage }) => registryStage === stage).map(({ version }) => version);
const registry = (stages: readonly RegistryStage[], aliases: Record<string, string> = {}): RegistrySnapshot => ({
  versions: stages.map((registryStage, index) => ({ version: String(index + 1), registryStage })),
  aliases,
});

/** Any registry that MLflow can hold with at most one version in Production, aliases as stale as they like. */
const anyRegistry = fc
  .record({
    stages: fc.array(fc.constantFrom<RegistryStage>('None', 'Staging', 'Archived'), { minLength: 1, maxLength: 12 }),
    production: fc.option(fc.nat(11)),
    aliases: fc.record({ champion: fc.nat(11), previous: fc.nat(11), challenger: fc.nat(11) }, { requiredKeys: [] }),
    chosen: fc.nat(11),
  })
  .map(({ stages, production, aliases, chosen }) => {
    const number = (index: number) => String((index % stages.length) + 1);
    const snapshot = registry(
      stages.map((stage, index) =>
        production !== null && index === production % stages.length ? 'Production' : stage,
      ),
      Object.fromEntries(Object.entries(aliases).map(([alias, index]) => [alias, number(index)])),
    );
    return { snapshot, version: number(chosen) };
  });

/** A registry as promotions leave it: champion is Production's version. */
const anyTidyRegistry = anyRegistry.map(({ snapshot, version }) => {
  const [champion] = inStage(snapshot, 'Production');
  const { champion: _, ...aliases } = snapshot.aliases;
  return { version, snapshot: { ...snapshot, aliases: champion ? { ...aliases, champion } : aliases } };
});

const anyStage = fc.constantFrom<'Production' | 'Staging' | 'None'>('Production', 'Staging', 'None');

function planned(snapshot: RegistrySnapshot, version: string, stage: 'Production' | 'Staging' | 'None') {
  try {
    return planPromotion(snapshot, version, stage);
  } catch (error) {
    expect(error).toBeInstanceOf(PromotionConflict);
    return [];
  }
}

describe('promoting a version', () => {
  test('never has two versions in Production, and never none once there was one', () => {
    fc.assert(
      fc.property(anyRegistry, anyStage, ({ snapshot, version }, stage) => {
        let current = snapshot;
        let served = inStage(current, 'Production').length;
        for (const change of planned(snapshot, version, stage)) {
          current = apply(current, change);
          const serving = inStage(current, 'Production').length;
          expect(serving).toBeLessThanOrEqual(1);
          expect(serving).toBeGreaterThanOrEqual(served);
          served = serving;
        }
      }),
    );
  });

  test('to Production makes it champion, and the replaced one the rollback target in Staging', () => {
    fc.assert(
      fc.property(anyTidyRegistry, ({ snapshot, version }) => {
        const [replaced] = inStage(snapshot, 'Production');
        const after = applyAll(snapshot, planPromotion(snapshot, version, 'Production'));
        expect(inStage(after, 'Production')).toEqual([version]);
        expect(after.aliases.champion).toBe(version);
        expect(after.aliases.previous).not.toBe(version);
        expect(after.aliases.challenger).not.toBe(version);
        if (replaced && replaced !== version) {
          expect(inStage(after, 'Staging')).toEqual([replaced]);
          expect(after.aliases.previous).toBe(replaced);
        }
      }),
    );
  });

  test('twice does what it does once, applied again or planned again', () => {
    fc.assert(
      fc.property(anyRegistry, anyStage, ({ snapshot, version }, stage) => {
        const changes = planned(snapshot, version, stage);
        const once = applyAll(snapshot, changes);
        expect(applyAll(once, changes)).toEqual(once);
        expect(applyAll(once, planned(once, version, stage))).toEqual(once);
      }),
    );
  });

  test('that broke off anywhere ends the same when it is planned again', () => {
    fc.assert(
      fc.property(anyTidyRegistry, fc.nat(10), ({ snapshot, version }, count) => {
        const changes = planPromotion(snapshot, version, 'Production');
        const brokenOff = applyAll(snapshot, changes.slice(0, count));
        const completed = applyAll(brokenOff, planPromotion(brokenOff, version, 'Production'));
        expect(completed).toEqual(applyAll(snapshot, changes));
      }),
    );
  });

  test("of Production's own version leaves all others as they are", () => {
    fc.assert(
      fc.property(anyTidyRegistry, ({ snapshot }) => {
        const [serving] = inStage(snapshot, 'Production');
        fc.pre(serving !== undefined);
        const after = applyAll(snapshot, planPromotion(snapshot, serving as string, 'Production'));
        expect(after.versions).toEqual(snapshot.versions);
        expect(after.aliases.previous).not.toBe(serving);
      }),
    );
  });

  test('three times in a row keeps one rollback target and archives the older one', () => {
    let snapshot = registry(['None', 'None', 'None']);
    for (const version of ['1', '2', '3']) {
      snapshot = applyAll(snapshot, planPromotion(snapshot, version, 'None'));
      expect(snapshot.aliases.challenger).toBe(version);
      snapshot = applyAll(snapshot, planPromotion(snapshot, version, 'Production'));
    }
    expect(snapshot).toEqual(registry(['Archived', 'Staging', 'Production'], { champion: '3', previous: '2' }));
  });

  test('of the rollback target swaps the two', () => {
    const snapshot = registry(['Archived', 'Staging', 'Production'], { champion: '3', previous: '2' });
    const after = applyAll(snapshot, planPromotion(snapshot, '2', 'Production'));
    expect(after).toEqual(registry(['Archived', 'Production', 'Staging'], { champion: '2', previous: '3' }));
  });

  test('to Staging keeps the rollback target there and archives other candidates', () => {
    const snapshot = registry(['Staging', 'Production', 'Staging', 'None'], {
      champion: '2',
      previous: '1',
      challenger: '3',
    });
    const after = applyAll(snapshot, planPromotion(snapshot, '4', 'Staging'));
    const expected = { champion: '2', previous: '1', challenger: '4' };
    expect(after).toEqual(registry(['Staging', 'Production', 'Archived', 'Staging'], expected));
  });

  test('replaces the champion of a registry that used aliases only', () => {
    const snapshot = registry(['None', 'None'], { champion: '1' });
    const after = applyAll(snapshot, planPromotion(snapshot, '2', 'Production'));
    expect(after).toEqual(registry(['Staging', 'Production'], { champion: '2', previous: '1' }));
  });

  test('is refused for an unknown version, and where it would leave Production empty', () => {
    const snapshot = registry(['Production']);
    const unknown = new PromotionConflict('unknownVersion', '7');
    expect(() => planPromotion(snapshot, '7', 'Production')).toThrow(unknown);
    const emptied = new PromotionConflict('emptiesProduction', '1');
    expect(() => planPromotion(snapshot, '1', 'Staging')).toThrow(emptied);
  });
});

describe('restoring a registry', () => {
  test('brings stages and aliases back after any promotions, with never two versions in Production', () => {
    const promotions = fc.array(fc.tuple(fc.nat(11), anyStage), { maxLength: 4 });
    fc.assert(
      fc.property(anyRegistry, promotions, fc.nat(10), ({ snapshot }, list, count) => {
        const promoted = list.reduce((current, [index, stage]) => {
          const { version } = snapshot.versions[index % snapshot.versions.length] as { version: string };
          return applyAll(current, planned(current, version, stage).slice(0, count));
        }, snapshot);
        const changes = planRestore(promoted, snapshot);
        let current = promoted;
        for (const change of changes) {
          current = apply(current, change);
          expect(inStage(current, 'Production').length).toBeLessThanOrEqual(1);
        }
        expect(current).toEqual(snapshot);
        expect(applyAll(current, changes)).toEqual(snapshot);
        expect(planRestore(current, snapshot)).toEqual([]);
      }),
    );
  });

  test('takes a version that was made since out of Production and leaves it otherwise', () => {
    const before = registry(['Production'], { champion: '1' });
    const now = registry(['Staging', 'Production', 'None'], { champion: '2', previous: '1' });
    const after = applyAll(now, planRestore(now, before));
    expect(after).toEqual(registry(['Production', 'Archived', 'None'], { champion: '1' }));
  });

  test('goes without a version that was deleted since', () => {
    const before = registry(['Production', 'None'], { champion: '1' });
    const now: RegistrySnapshot = {
      versions: [{ version: '2', registryStage: 'Production' }],
      aliases: { champion: '2' },
    };
    const after = applyAll(now, planRestore(now, before));
    expect(after.versions).toEqual([{ version: '2', registryStage: 'None' }]);
  });
});
