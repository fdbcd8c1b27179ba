import type { RegistrySnapshot } from '../../contracts/registry.ts';
import { planPromotion, type RegistryChange } from '../../domain/registryMoves.ts';
import { versionsIn } from './production.ts';

/** How stages and aliases differ, and what makes them agree. */
export interface Agreement {
  /** In words; empty: they agree. */
  disagreements: string[];
  /** Empty although they disagree: only a person can say which is meant. */
  changes: RegistryChange[];
}

/**
 * Compares stages and aliases: `champion` is Production's version, `previous` the rollback target in Staging. The stage
 * counts where they differ, for it is what the API reads.
 */
export function judgeAgreement(snapshot: RegistrySnapshot): Agreement {
  const champion = championAgreement(snapshot);
  // A promotion that broke off is completed as a whole, with its rollback target.
  const completes = champion.changes.length > 1;
  const previous = completes ? { disagreements: [], changes: [] } : previousAgreement(snapshot);
  return {
    disagreements: [...champion.disagreements, ...previous.disagreements],
    changes: [...champion.changes, ...previous.changes],
  };
}

function championAgreement(snapshot: RegistrySnapshot): Agreement {
  const { champion } = snapshot.aliases;
  const production = versionsIn(snapshot.versions, 'Production');
  const [serving] = production;
  if (serving === undefined) {
    if (champion === undefined) return { disagreements: [], changes: [] };
    return { disagreements: [`champion is version ${champion}, but nothing is in Production`], changes: [] };
  }
  if (production.length > 1) {
    const text = `versions ${production.join(', ')} are in Production, and champion is ${named(champion)}`;
    const chosen = champion !== undefined && production.includes(champion) ? champion : undefined;
    const alone = { kind: 'move', registryStage: 'Production', archiveExisting: true } as const;
    return { disagreements: [text], changes: chosen ? [{ ...alone, version: chosen }] : [] };
  }
  if (champion === serving) return { disagreements: [], changes: [] };
  const disagreements = [`version ${serving} is in Production, but champion is ${named(champion)}`];
  const gaveWay = champion !== undefined && ['Archived', 'Staging'].includes(stageOf(snapshot, champion) ?? '');
  if (gaveWay) return { disagreements, changes: planPromotion(snapshot, serving, 'Production') };
  // An alias moved by hand to a version that never served does not make that one a rollback target.
  return { disagreements, changes: [{ kind: 'setAlias', alias: 'champion', version: serving }] };
}

function previousAgreement(snapshot: RegistrySnapshot): Agreement {
  const { previous, challenger } = snapshot.aliases;
  const staging = versionsIn(snapshot.versions, 'Staging');
  if (previous !== undefined && staging.includes(previous)) return { disagreements: [], changes: [] };
  // A candidate that was promoted to Staging stands there beside the rollback target.
  const targets = staging.filter((version) => version !== challenger);
  if (targets.length === 0 && previous === undefined) return { disagreements: [], changes: [] };

  const [target] = targets;
  if (targets.length > 1) {
    const text = `previous is ${named(previous)}, and versions ${targets.join(', ')} are in Staging`;
    return { disagreements: [text], changes: [] };
  }
  if (target !== undefined) {
    const text = `version ${target} is in Staging, but previous is ${named(previous)}`;
    return { disagreements: [text], changes: [{ kind: 'setAlias', alias: 'previous', version: target }] };
  }
  const stage = stageOf(snapshot, previous as string);
  const disagreements = [`previous is version ${previous}, which is in ${stage ?? 'no stage'}, not in Staging`];
  if (stage === 'Production' || stage === undefined) {
    return { disagreements, changes: [{ kind: 'deleteAlias', alias: 'previous' }] };
  }
  const back = { kind: 'move', version: previous as string, registryStage: 'Staging', archiveExisting: false } as const;
  return { disagreements, changes: [back] };
}

function stageOf({ versions }: RegistrySnapshot, version: string): string | undefined {
  return versions.find((other) => other.version === version)?.registryStage;
}

function named(version: string | undefined): string {
  return version === undefined ? 'not set' : `version ${version}`;
}
