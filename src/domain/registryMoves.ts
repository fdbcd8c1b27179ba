import { ALIASES } from '../contracts/names.ts';
import type { RegistrySnapshot, RegistryStage } from '../contracts/registry.ts';

/** Names an alias of ours: Production's version, its rollback target in Staging, the newest candidate. */
type Alias = keyof typeof ALIASES;

/** One change of the registry. Each sets a state, so that a list of them applied twice does what it does once. */
export type RegistryChange =
  | { kind: 'move'; version: string; registryStage: RegistryStage; archiveExisting: boolean }
  | { kind: 'setAlias'; alias: Alias; version: string }
  | { kind: 'deleteAlias'; alias: Alias };

/** A promotion that makes no sense in the registry as it is; nothing was changed. */
export class PromotionConflict extends Error {
  override name = 'PromotionConflict';
  /** `emptiesProduction`: the version of Production cannot move to Staging, for it would leave none there. */
  readonly code: 'unknownVersion' | 'emptiesProduction';
  readonly version: string;

  constructor(code: PromotionConflict['code'], version: string) {
    super(`${code}: version ${version}`);
    this.code = code;
    this.version = version;
  }
}

/**
 * The changes that promote a version.
 *
 * - `Production`: it serves, in one transaction with the archiving of the one that served; that one then goes to
 *   Staging as `previous`, and what was in Staging is archived. `champion` moves last, so that a promotion that broke
 *   off is recognised and completed when it is planned again. Rolling back is the promotion of `previous`.
 * - `Staging`: it goes there as a candidate; the rollback target stays beside it, others are archived.
 * - `None`: it stays where it is, as a candidate.
 *
 * @throws {PromotionConflict} for an unknown version, and for Production's own version to Staging
 */
export function planPromotion(
  snapshot: RegistrySnapshot,
  version: string,
  registryStage: Exclude<RegistryStage, 'Archived'>,
): RegistryChange[] {
  if (stageOf(snapshot, version) === undefined) throw new PromotionConflict('unknownVersion', version);
  if (registryStage === 'Production') return planProduction(snapshot, version);
  if (stageOf(snapshot, version) === 'Production') {
    if (registryStage === 'None') return [];
    throw new PromotionConflict('emptiesProduction', version);
  }
  if (registryStage === 'None') return asChallenger(snapshot, version, ['None', 'Staging']);
  // Another candidate in Staging is archived by this one, and with that no candidate any more.
  return [...planStaging(snapshot, version), ...asChallenger(snapshot, version, ['None'])];
}

function planProduction(snapshot: RegistrySnapshot, version: string): RegistryChange[] {
  const { champion, previous, challenger } = snapshot.aliases;
  const replaced = replacedBy(snapshot, version);
  const changes: RegistryChange[] = [];
  const inProduction = versionsIn(snapshot, 'Production');
  if (inProduction.length !== 1 || inProduction[0] !== version) {
    changes.push({ kind: 'move', version, registryStage: 'Production', archiveExisting: true });
  }
  if (replaced !== undefined) {
    changes.push({ kind: 'move', version: replaced, registryStage: 'Staging', archiveExisting: true });
    if (previous !== replaced) changes.push({ kind: 'setAlias', alias: 'previous', version: replaced });
  } else if (previous === version) {
    changes.push({ kind: 'deleteAlias', alias: 'previous' });
  }
  if (challenger === version || (challenger !== undefined && challenger === replaced)) {
    changes.push({ kind: 'deleteAlias', alias: 'challenger' });
  }
  if (champion !== version) changes.push({ kind: 'setAlias', alias: 'champion', version });
  return changes;
}

/**
 * The version that gives way: Production's, or else the one that is still called champion, which is so after a
 * promotion that broke off half way and in a registry that used aliases only.
 */
function replacedBy(snapshot: RegistrySnapshot, version: string): string | undefined {
  const { champion } = snapshot.aliases;
  const others = versionsIn(snapshot, 'Production').filter((other) => other !== version);
  if (champion !== undefined && champion !== version && stageOf(snapshot, champion) !== undefined) {
    if (others.length === 0 || others.includes(champion)) return champion;
  }
  return others.sort((a, b) => Number(a) - Number(b)).at(-1);
}

function planStaging(snapshot: RegistrySnapshot, version: string): RegistryChange[] {
  const leaving = versionsIn(snapshot, 'Staging').filter(
    (other) => other !== version && other !== snapshot.aliases.previous,
  );
  return [
    ...(stageOf(snapshot, version) === 'Staging' ? [] : [toStage(version, 'Staging')]),
    ...leaving.map((other) => toStage(other, 'Archived')),
  ];
}

/** The newest candidate is the challenger; what serves and its rollback target are none. */
function asChallenger(
  snapshot: RegistrySnapshot,
  version: string,
  candidateStages: readonly RegistryStage[],
): RegistryChange[] {
  const { champion, previous, challenger } = snapshot.aliases;
  if ([champion, previous, challenger].includes(version)) return [];
  const stage = challenger === undefined ? undefined : stageOf(snapshot, challenger);
  const isCandidate = stage !== undefined && candidateStages.includes(stage);
  if (isCandidate && Number(challenger) > Number(version)) return [];
  return [{ kind: 'setAlias', alias: 'challenger', version }];
}

/**
 * The changes that bring stages and aliases back to what they were, however far the promotion had come.
 *
 * Versions that were made since keep their stage, unless that is Production. What was deleted since stays so. Of
 * several versions in Production, which MLflow allows, the champion or else the newest comes back.
 */
export function planRestore(current: RegistrySnapshot, wanted: RegistrySnapshot): RegistryChange[] {
  const exists = (version: string | undefined) => version !== undefined && stageOf(current, version) !== undefined;
  const serving = servingOf({ ...wanted, versions: wanted.versions.filter(({ version }) => exists(version)) });
  const changes: RegistryChange[] = [];
  const now = new Map(current.versions.map(({ version, registryStage }) => [version, registryStage]));
  const inProduction = versionsIn(current, 'Production');

  if (serving !== undefined && (inProduction.length !== 1 || inProduction[0] !== serving)) {
    changes.push({ kind: 'move', version: serving, registryStage: 'Production', archiveExisting: true });
    for (const version of inProduction) now.set(version, 'Archived');
    now.set(serving, 'Production');
  }
  for (const [version, stage] of now) {
    if (version === serving) continue;
    const before = stageOf(wanted, version) ?? stage;
    const target = before === 'Production' ? 'Archived' : before;
    if (stage !== target) changes.push(toStage(version, target));
  }
  for (const alias of ['previous', 'challenger', 'champion'] as const) {
    const version = wanted.aliases[alias];
    if (version === current.aliases[alias]) continue;
    if (version === undefined) changes.push({ kind: 'deleteAlias', alias });
    else if (exists(version)) changes.push({ kind: 'setAlias', alias, version });
  }
  return changes;
}

function servingOf(snapshot: RegistrySnapshot): string | undefined {
  const inProduction = versionsIn(snapshot, 'Production');
  const { champion } = snapshot.aliases;
  if (champion !== undefined && inProduction.includes(champion)) return champion;
  return inProduction.sort((a, b) => Number(a) - Number(b)).at(-1);
}

function versionsIn({ versions }: RegistrySnapshot, registryStage: RegistryStage): string[] {
  return versions.filter((version) => version.registryStage === registryStage).map(({ version }) => version);
}

function stageOf({ versions }: RegistrySnapshot, version: string): RegistryStage | undefined {
  return versions.find((other) => other.version === version)?.registryStage;
}

function toStage(version: string, registryStage: RegistryStage): RegistryChange {
  return { kind: 'move', version, registryStage, archiveExisting: false };
}

/**
 * The version that a snapshot has in Production: the one in that stage, or, in a registry that uses aliases only, the
 * champion. Null: none.
 */
export function inProduction(snapshot: RegistrySnapshot): string | null {
  const { champion } = snapshot.aliases;
  const stage = champion === undefined ? undefined : stageOf(snapshot, champion);
  return servingOf(snapshot) ?? (stage !== undefined && stage !== 'Archived' ? (champion ?? null) : null);
}

/** What decides whether a version is in Production. */
interface Placed {
  version: string;
  stage: RegistryStage;
  aliases: readonly string[];
}

/** The same of a list of all versions of a model. */
export function productionOf<Version extends Placed>(versions: readonly Version[]): Version | undefined {
  const serving = inProduction(snapshotOf(versions));
  return versions.find(({ version }) => version === serving);
}

/** Which version is in which stage and has which of our aliases; other aliases are nobody's business here. */
export function snapshotOf(versions: readonly Placed[]): RegistrySnapshot {
  return {
    versions: versions.map(({ version, stage }) => ({ version, registryStage: stage })),
    aliases: Object.fromEntries(
      versions.flatMap(({ version, aliases }) =>
        aliases.filter((alias) => Object.hasOwn(ALIASES, alias)).map((alias) => [alias, version]),
      ),
    ),
  };
}
