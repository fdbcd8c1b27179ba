import '../../contracts/workflows.ts';
import '../../domain/progress.ts';
import '../../words/details.ts';
import '../../words/stewardDetails.ts';

/*
 * Loaded once by each worker, with all that it imports, and shared by the workflows that it runs: the schemas alone cost
 * each workflow 50 ms of CPU and 2 MB. So nothing in these folders may keep state.
 *
 * The SDK freezes what is shared, and all that it holds. The schemas of zod would break, since they make their methods when
 * they are first called; a module whose exports are frozen already is left as it is.
 */
declare const __webpack_modules__: Record<string, unknown>;

const SHARED = /\/node_modules\/zod\/|\/src\/(contracts|domain|words)\//;
for (const id of Object.keys(__webpack_modules__).filter((id) => SHARED.test(id))) {
  Object.freeze(require.cache[id]?.exports);
}
