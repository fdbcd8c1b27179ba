import { ALIASES } from '../../contracts/names.ts';
import type { RegistrySnapshot } from '../../contracts/registry.ts';
import type { RegistryChange } from '../../domain/registryMoves.ts';
import type { Mlflow } from './index.ts';
import type { CallOptions } from './transport.ts';

type Reader = Pick<Mlflow, 'listVersions'>;
type Writer = Pick<Mlflow, 'transitionStage' | 'setAlias' | 'deleteAlias'>;

/** Reads which version is in which stage and has which of our aliases; other aliases are nobody's business here. */
export async function readSnapshot(mlflow: Reader, name: string, options: CallOptions = {}): Promise<RegistrySnapshot> {
  const versions = await mlflow.listVersions(name, options);
  const aliases = Object.values(ALIASES).flatMap((alias) =>
    versions.filter((version) => version.aliases.includes(alias)).map(({ version }) => [alias, version]),
  );
  return {
    versions: versions.map(({ version, stage }) => ({ version, registryStage: stage })),
    aliases: Object.fromEntries(aliases),
  };
}

/**
 * Makes the changes one after the other.
 *
 * @throws {MlflowError} from the first that fails: those before it are made, and applying the list again completes it
 */
export async function applyChanges(
  mlflow: Writer,
  name: string,
  changes: readonly RegistryChange[],
  options: CallOptions = {},
): Promise<void> {
  for (const change of changes) {
    if (change.kind === 'move') {
      const { version, registryStage, archiveExisting } = change;
      await mlflow.transitionStage(name, version, registryStage, { ...options, archiveExisting });
    } else if (change.kind === 'setAlias') {
      await mlflow.setAlias(name, change.alias, change.version, options);
    } else {
      await mlflow.deleteAlias(name, change.alias, options);
    }
  }
}
