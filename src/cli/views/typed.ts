/** An argument as it would be typed in a shell. */
export function asTyped(text: string): string {
  return /^[\w./:=@%+,<>-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
