import type { RegistrySnapshot } from '../contracts/registry.ts';
import { inProduction, planPromotion, productionOf, type RegistryChange, snapshotOf } from '../domain/registryMoves.ts';
import { lookAtModelFiles } from '../systems/mlflow/modelFiles.ts';
import { readSnapshot } from '../systems/mlflow/registryChanges.ts';
import { type Finding, finding } from '../words/findings.ts';
import { type Check, NotChecked, need } from './run.ts';

/** The registered model exists and has exactly one version in Production. */
export const productionCheck: Check = {
  name: 'Production version',
  async run({ config, versions }) {
    const found = await need(versions(), 'mlflow');
    return [judgeProduction(config.registry.registeredModel, snapshotOf(found))];
  },
};

export function judgeProduction(registeredModel: string, snapshot: RegistrySnapshot): Finding {
  const { versions } = snapshot;
  if (versions.length === 0) return finding('noVersions', { registeredModel });
  const production = versionsIn(versions, 'Production');
  if (production.length > 1) return finding('severalInProduction', { versions: production });
  const version = inProduction(snapshot);
  const byAlias = production.length === 0;
  if (version !== null)
    return finding('productionVersion', { registeredModel, version, versions: versions.length, byAlias });
  const newest = String(Math.max(...versions.map((one) => Number(one.version))));
  return finding('nothingInProduction', { registeredModel, versions: versions.length, newest });
}

/** The files of the version in Production can be fetched. */
export const modelCheck: Check = {
  name: 'Model files',
  async run({ config, versions, signal }) {
    const found = await need(versions(), 'mlflow');
    const version = productionOf(found);
    if (!version) throw new NotChecked('production');
    return [await lookAtModelFiles({ config, version, signal })];
  },
};

/** Stages and aliases name the same versions. */
export const agreementCheck: Check = {
  name: 'Stages and aliases',
  async run({ config, versions }) {
    const read = readSnapshot({ listVersions: versions }, config.registry.registeredModel);
    const snapshot = await need(read, 'mlflow');
    if (snapshot.versions.length === 0) return [];
    const { disagreements } = judgeAgreement(snapshot);
    const { champion = null, previous = null } = snapshot.aliases;
    return disagreements.length > 0 ? disagreements : [finding('aliasesAgree', { champion, previous })];
  },
};

/** How stages and aliases differ, and what makes them agree. */
interface Agreement {
  /** Empty: they agree. */
  disagreements: Finding[];
  /** Empty although they disagree: only a person can say which version is meant. */
  changes: RegistryChange[];
}

const AGREE: Agreement = { disagreements: [], changes: [] };

/**
 * Compares stages and aliases: `champion` is Production's version, `previous` the rollback target in Staging. The stage
 * counts where they differ, for it is what the API reads.
 */
export function judgeAgreement(snapshot: RegistrySnapshot): Agreement {
  const champion = championAgreement(snapshot);
  // A promotion that broke off is completed as a whole, with its rollback target.
  const previous = champion.changes.length > 1 ? AGREE : previousAgreement(snapshot);
  return {
    disagreements: [...champion.disagreements, ...previous.disagreements],
    changes: [...champion.changes, ...previous.changes],
  };
}

function championAgreement(snapshot: RegistrySnapshot): Agreement {
  const { champion = null } = snapshot.aliases;
  const production = versionsIn(snapshot.versions, 'Production');
  const [serving] = production;
  if (serving === undefined) {
    // A registry that uses aliases only.
    if (champion === null || champion === inProduction(snapshot)) return AGREE;
    return { disagreements: [finding('championNotInProduction', { champion, fixable: false })], changes: [] };
  }
  if (production.length > 1) {
    const fixable = champion !== null && production.includes(champion);
    const move = { kind: 'move', registryStage: 'Production', archiveExisting: true } as const;
    return {
      disagreements: [finding('championAmongSeveral', { production, champion, fixable })],
      changes: fixable ? [{ ...move, version: champion }] : [],
    };
  }
  if (champion === serving) return AGREE;
  const gaveWay = champion !== null && ['Archived', 'Staging'].includes(stageOf(snapshot, champion) ?? '');
  return {
    disagreements: [finding('championElsewhere', { production: serving, champion, fixable: true })],
    // An alias moved by hand to a version that never served does not make that one a rollback target.
    changes: gaveWay
      ? planPromotion(snapshot, serving, 'Production')
      : [{ kind: 'setAlias', alias: 'champion', version: serving }],
  };
}

function previousAgreement(snapshot: RegistrySnapshot): Agreement {
  const { previous = null, challenger } = snapshot.aliases;
  const staging = versionsIn(snapshot.versions, 'Staging');
  if (previous !== null && staging.includes(previous)) return AGREE;
  // A candidate that was promoted to Staging stands there beside the rollback target.
  const targets = staging.filter((version) => version !== challenger);
  const [target] = targets;
  if (targets.length > 1) {
    const facts = { staging: targets, previous, fixable: false };
    return { disagreements: [finding('previousAmongSeveral', facts)], changes: [] };
  }
  if (target !== undefined) {
    return {
      disagreements: [finding('previousElsewhere', { staging: target, previous, fixable: true })],
      changes: [{ kind: 'setAlias', alias: 'previous', version: target }],
    };
  }
  const registryStage = previous === null ? null : (stageOf(snapshot, previous) ?? null);
  const usesStages = versionsIn(snapshot.versions, 'Production').length > 0;
  if (previous === null || (registryStage === 'None' && !usesStages)) return AGREE;
  const isUseless = registryStage === 'Production' || registryStage === null;
  return {
    disagreements: [finding('previousNotInStaging', { previous, registryStage, fixable: true })],
    changes: isUseless
      ? [{ kind: 'deleteAlias', alias: 'previous' }]
      : [{ kind: 'move', version: previous, registryStage: 'Staging', archiveExisting: false }],
  };
}

function stageOf({ versions }: RegistrySnapshot, version: string): string | undefined {
  return versions.find((other) => other.version === version)?.registryStage;
}

/** The versions in a stage, the oldest first. */
function versionsIn(versions: RegistrySnapshot['versions'], registryStage: string): string[] {
  return versions
    .filter((one) => one.registryStage === registryStage)
    .map(({ version }) => version)
    .sort((a, b) => Number(a) - Number(b));
}
