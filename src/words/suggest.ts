import { distance } from 'fastest-levenshtein';

/** More edits than this make another word: two letters that changed places are two edits. */
const mostEdits = (length: number) => (length < 4 ? 1 : length < 9 ? 2 : 3);

/**
 * The known names that a mistyped one may stand for: the nearest by edits, several when they are equally near, none
 * when nothing is near. Capitals, dashes and underscores do not count: `max_failed_share` means `maxFailedShare`.
 */
export function nearest(word: string, known: readonly string[]): string[] {
  const edits = known.map((name) => distance(bare(word), bare(name)));
  const least = Math.min(...edits);
  return least <= mostEdits(bare(word).length) ? known.filter((_, index) => edits[index] === least) : [];
}

/** `; did you mean "a" or "b"?`, or nothing when nothing is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant.length > 0 ? `; did you mean ${quoted(meant, 'or')}?` : '';
}

/** `"a", "b" or "c"`. */
export function quoted(names: readonly string[], link: 'or' | 'and'): string {
  return joined(
    names.map((name) => `"${name}"`),
    link,
  );
}

/** `a, b or c`. */
export function joined(words: readonly string[], link: 'or' | 'and'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${link} ${words.at(-1)}`;
}

const bare = (name: string) => name.replace(/[-_\s]/g, '').toLowerCase();

/** An argument as it would be typed in a shell. */
export function asTyped(text: string): string {
  return /^[\w./:=@%+,<>-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
