import type { RegistrySnapshot } from '../../contracts/registry.ts';
import { type RegistryChange, snapshotOf } from '../../domain/registryMoves.ts';
import type { Mlflow } from './index.ts';
import type { CallOptions } from './transport.ts';

type Reader = Pick<Mlflow, 'listVersions'>;
type Writer = Pick<Mlflow, 'transitionStage' | 'setAlias' | 'deleteAlias'>;

/** Reads which version is in which stage and has which of our aliases. */
export async function readSnapshot(mlflow: Reader, name: string, options: CallOptions = {}): Promise<RegistrySnapshot> {
  return snapshotOf(await mlflow.listVersions(name, options));
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
