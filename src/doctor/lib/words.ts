/** The innermost cause of an error in words, without the prefix that gRPC puts before it. */
export function inWords(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  const message = cause.message.replace(/^\d+ [A-Z_]+: /, '').replace(/\.$/, '');
  return message || (typeof code === 'string' ? code : cause.name);
}

/** `1 row`, `2 rows` */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

/** Joins with commas and a last "and". */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
