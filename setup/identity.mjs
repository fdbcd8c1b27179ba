import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * What tells a process from a later one with the same pid: when it started.
 *
 * @returns {string | undefined} undefined: no such process is alive
 */
export function identityOf(pid) {
  try {
    return process.platform === 'linux' ? startTicks(pid) : startTime(pid);
  } catch {
    return undefined;
  }
}

function startTicks(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // proc(5): the second field, the program's name in parentheses, may itself hold spaces; state is field 3, start 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

function startTime(pid) {
  return execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
}
