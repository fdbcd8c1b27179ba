import { posix } from 'node:path';
import { mayBeSecret } from '../../config/secrets.ts';

/** A file that is put into a container before it starts. */
export interface PlacedFile {
  path: string;
  content: string;
}

/** An address with a password in it, such as that of a proxy. */
const HAS_LOGIN = /:\/\/[^/@\s]*:[^/@\s]*@/;
const VARIABLE = 'MEDIWATCH_SECRETS_FILE';

/**
 * Takes secrets out of the environment of a container, which whoever may use the daemon sees, into a file.
 *
 * @param path where the image reads them, a JSON object; undefined: nowhere, so that they stay
 */
export function hideSecrets(
  variables: Record<string, string>,
  path: string | undefined,
): { variables: Record<string, string>; secrets: PlacedFile | null } {
  if (path === undefined) return { variables, secrets: null };
  const isSecret = ([name, value]: [string, string]) => mayBeSecret([name]) || HAS_LOGIN.test(value);
  const { yes = [], no = [] } = Object.groupBy(Object.entries(variables), (entry) => (isSecret(entry) ? 'yes' : 'no'));
  const content = JSON.stringify(Object.fromEntries(yes));
  return { variables: { ...Object.fromEntries(no), [VARIABLE]: path }, secrets: { path, content } };
}

const BLOCK = 512;

/** One file as a tar archive (POSIX ustar), for whoever can look into the container: that is its one user. */
export function tarOf({ path, content }: PlacedFile): Buffer {
  const body = Buffer.from(content);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(posix.basename(path), 0, 100);
  header.write(octal(0o444, 7) + octal(0, 7) + octal(0, 7) + octal(body.length, 11) + octal(0, 11), 100);
  // Its sum is taken with blanks in its own place.
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  const padding = Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, body, padding, Buffer.alloc(2 * BLOCK)]);
}
