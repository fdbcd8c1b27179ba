// `npm test`: pytest and vitest, and one line for all. `npm test -- <filter>` runs the matching vitest files only.
import { runPytest } from './runner/pytest.ts';
import { judge, type Suite, sentence } from './runner/tally.ts';
import { runVitest } from './runner/vitest.ts';

const filters = process.argv.slice(2);
const { problems, total } = judge(filters.length > 0 ? [await runVitest({ filters })] : await runAll());
for (const problem of problems) console.error(problem);
console.log(`\n${sentence(total)}`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** What waits for Docker runs beside the whole stacks: each of them leaves cores idle. */
async function runAll(): Promise<Suite[]> {
  const parts = await Promise.all([runPytest(), runVitest({ project: 'parts' })]);
  const wholes = await Promise.all([runVitest({ project: 'whole' }), runVitest({ project: 'containers' })]);
  return [...parts, ...wholes];
}
