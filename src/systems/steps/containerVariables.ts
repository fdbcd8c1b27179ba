import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What docker takes from a line of an env file as it stands; of several lines it would take the first. */
const LINE = /^[^\s#=][^\s=]*=[^\r\n]*$/;
/** Docker refuses lines over 64 KiB. */
const LINE_BYTES = 60_000;
/** What the client reads for itself: its programs, its logins, its daemon, its proxies. */
const OF_THE_CLIENT = /^(PATH|HOME|DOCKER_.*|.*_PROXY)$/i;

/**
 * Lets `body` start a container with variables that are none of the client's: a PATH, HOME or DOCKER_HOST of the
 * container would hide programs, logins and daemon from it. They go through a file that only this user can read and
 * that is gone afterwards, so that none is seen by "ps". What fits into no line goes through the client's environment.
 *
 * @param folder where the file is for that time
 * @param body gets the options of `docker run`, and what the client needs in its environment besides our own
 */
export async function withVariables<Result>(
  variables: Readonly<Record<string, string>>,
  folder: string,
  body: (options: string[], env: Record<string, string>) => Promise<Result>,
): Promise<Result> {
  const all = Object.entries(variables).map(([name, value]) => ({ name, value, line: `${name}=${value}` }));
  const fits = ({ line }: { line: string }) => LINE.test(line) && Buffer.byteLength(line) <= LINE_BYTES;
  const others = all.filter((variable) => !fits(variable));
  const handed = others.filter(({ name }) => !OF_THE_CLIENT.test(name));
  const shown = others.filter(({ name }) => OF_THE_CLIENT.test(name));
  const file = join(folder, `variables-${randomUUID()}.env`);
  const lines = all.filter(fits).map(({ line }) => `${line}\n`);
  const options = [
    ...['--env-file', file],
    ...handed.flatMap(({ name }) => ['--env', name]),
    ...shown.flatMap(({ line }) => ['--env', line]),
  ];
  try {
    await writeFile(file, lines.join(''), { mode: 0o600, flag: 'wx' });
    return await body(options, Object.fromEntries(handed.map(({ name, value }) => [name, value])));
  } finally {
    await rm(file, { force: true });
  }
}
