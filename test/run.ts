// `npm test`: pytest and vitest, and one line for all. `npm test -- <filter>` runs the matching vitest files only.
import { runPytest } from './runner/pytest.ts';
import { judge, type Suite, sentence } from './runner/tally.ts';
import { runVitest } from './runner/vitest.ts';

const filters = process.argv.slice(2);
const { problems, total } = judge(filters.length > 0 ? [await runVitest({ filters })] : await runAll());
for (const problem of problems) console.error(problem);
console.log(`\n${sentence(total)}`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** What waits for Docker, and builds programs where they are not cached, runs beside the others: each leaves cores idle. */
async function runAll(): Promise<Suite[]> {
  const parts = async () => {
    const first = await Promise.all([runPytest(), runVitest({ project: 'parts' })]);
    return [...first, await runVitest({ project: 'whole' })];
  };
  const [others, containers] = await Promise.all([parts(), runVitest({ project: 'containers' })]);
  return [...others, containers];
}
