// `npm test`: pytest beside vitest, and one line for both. `npm test -- <filter>` runs the matching vitest files only.
import { runPytest } from './runner/pytest.ts';
import { judge, sentence } from './runner/tally.ts';
import { runVitest } from './runner/vitest.ts';

const filters = process.argv.slice(2);
const suites = await Promise.all([...(filters.length === 0 ? [runPytest()] : []), runVitest(filters)]);

const { problems, total } = judge(suites);
for (const problem of problems) console.error(problem);
console.log(`\n${sentence(total)}`);
process.exitCode = problems.length > 0 ? 1 : 0;
