import { type Finding, ok, problem, warning } from '../finding.ts';

const GIB = 2 ** 30;
/** Below it a retrain or an image may still fit (bytes). */
const WARN_BELOW = 5 * GIB;
/** Below it data bases and models are at risk (bytes). */
const PROBLEM_BELOW = GIB;

/** Whether a folder's disk has space left. */
export function judgeSpace(folder: string, freeBytes: number): Finding {
  const text = `${(freeBytes / GIB).toFixed(1)} GiB free where ${folder} lies`;
  const mend = `see what is large (du -xh ${folder} | sort -h | tail), docker system prune, or move it with stack.dir`;
  if (freeBytes < PROBLEM_BELOW) return problem(`only ${text}`, mend);
  return freeBytes < WARN_BELOW ? warning(`only ${text}`, mend) : ok(text);
}
