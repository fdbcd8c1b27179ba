import { starterOf, TAGS } from '../../contracts/names.ts';
import type { ModelVersion } from '../../systems/mlflow/index.ts';
import { didYouMean } from '../../words/suggest.ts';
import { CommandError, EXIT } from '../exit.ts';

const STAGES = ['Production', 'Staging', 'Archived'] as const;
/** Versions that a message names. */
const NAMED = 5;

/**
 * The version that a person means: by its number, an alias (`champion`, `@champion`), a stage (`production`), the word
 * `newest`, or the id of the retrain that made it.
 *
 * @param versions all versions of the model with their aliases, newest first
 * @throws {CommandError} when it is none of these, with the newest versions
 */
export function resolveVersion(
  registeredModel: string,
  versions: readonly ModelVersion[],
  reference: string,
): ModelVersion {
  if (reference.trim() === '') {
    const message = `No version of ${registeredModel} is named: the argument is empty, as it is from an empty variable.`;
    throw new CommandError(EXIT.usage, `${message} ${known(versions, reference)}`);
  }
  const found = find(versions, reference);
  if (found) return found;
  throw new CommandError(EXIT.usage, `${registeredModel} has no version "${reference}". ${known(versions, reference)}`);
}

function find(versions: readonly ModelVersion[], reference: string): ModelVersion | undefined {
  if (/^\d+$/.test(reference)) return versions.find(({ version }) => Number(version) === Number(reference));
  const alias = reference.replace(/^@/, '');
  const stage = STAGES.find((name) => name.toLowerCase() === reference.toLowerCase());
  return (
    versions.find(({ aliases }) => aliases.includes(alias)) ??
    // Of several in a stage, the newest.
    (stage && versions.find((version) => version.stage === stage)) ??
    (reference === 'newest' ? versions[0] : undefined) ??
    versions.find(({ tags }) => {
      const madeBy = tags[TAGS.workflowId];
      return madeBy !== undefined && starterOf(madeBy) === starterOf(reference);
    })
  );
}

function known(versions: readonly ModelVersion[], reference: string): string {
  if (versions.length === 0) return 'It has no version yet: "mediwatch retrain --follow" makes the first.';
  const newest = versions.slice(0, NAMED).map(({ version, aliases }) => {
    return aliases.length > 0 ? `${version} (${aliases.join(', ')})` : version;
  });
  const names = [...new Set(versions.flatMap(({ aliases }) => aliases)), 'production', 'staging', 'newest'];
  const more = versions.length > NAMED ? `, and ${versions.length - NAMED} earlier` : '';
  return `It has ${newest.join(', ')}${more}; the id of a retrain that made one does too${didYouMean(reference, names)}`;
}
