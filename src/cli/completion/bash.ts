/** The word under the cursor as bash has it. */
interface Current {
  /** Without quotes and backslashes. */
  text: string;
  /** The quote that is open at the cursor. */
  quote: '' | '"' | "'";
  /** How much of `text` bash leaves as it is: it replaces what stands behind its last word break only. */
  kept: number;
}

interface TypedLine {
  /** The words before the current one, without quotes; the name of the command is the first. */
  words: string[];
  current: Current;
}

const ESCAPED_IN_QUOTES = new Set(['"', '\\', '$', '`']);

/**
 * Splits what was typed up to the cursor as a POSIX shell would; nothing in it is expanded or run. Bash alone hands
 * over its line: its own split words still have their quotes, and are broken at colons too.
 *
 * @param breaks characters at which bash begins a new word: its COMP_WORDBREAKS
 */
export function splitLine(line: string, breaks: string): TypedLine {
  const words: string[] = [];
  let word: Current | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if ((word?.quote ?? '') === '' && /\s/.test(char)) {
      if (word) words.push(word.text);
      word = undefined;
      continue;
    }
    word ??= { text: '', quote: '', kept: 0 };
    const next = line[at + 1];
    if (escapes(char, next, word.quote)) {
      word.text += next ?? '';
      at += 1;
    } else if (word.quote === '' && (char === '"' || char === "'")) {
      Object.assign(word, { quote: char, kept: word.text.length });
    } else if (char === word.quote) {
      word.quote = '';
    } else {
      word.text += char;
      if (word.quote === '' && breaks.includes(char)) word.kept = word.text.length;
    }
  }
  return { words, current: word ?? { text: '', quote: '', kept: 0 } };
}

function escapes(char: string, next: string | undefined, quote: Current['quote']): boolean {
  if (char !== '\\' || quote === "'") return false;
  return quote === '' || (next !== undefined && ESCAPED_IN_QUOTES.has(next));
}

/** A value as it has to be typed to stand for the current word: what bash keeps of the word is left out. */
export function replacement(value: string, { quote, kept }: Current): string {
  const rest = value.slice(kept);
  if (quote === "'") return rest.replaceAll("'", "'\\''");
  if (quote === '"') return rest.replace(/["\\$`]/g, '\\$&');
  return rest.replace(/[^\w@%+=:,./-]/g, '\\$&');
}
