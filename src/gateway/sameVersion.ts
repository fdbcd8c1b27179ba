import { AdminProblem } from './problems.ts';

interface Named {
  key: string;
  model: string;
  version: string;
}

/**
 * A key stands for one model version as long as it is known.
 *
 * @throws {AdminProblem} 409 when the key belongs to another version
 */
export function assertSameVersion(there: Named, wanted: Named): void {
  if (there.model === wanted.model && there.version === wanted.version) return;
  throw new AdminProblem(
    409,
    `Key ${wanted.key} belongs to version ${there.version} of ${there.model}, not to version ${wanted.version} of ${wanted.model}.`,
    'Nothing was changed. Use another key, or delete that one first.',
  );
}
