/**
 * Values and characters that are read; more is refused before anything looks at each of them. A text of this length is
 * 1.5 MB at most, so what is handed on still fits a payload.
 */
const MOST_VALUES = 50_000;
const MOST_CHARACTERS = 500_000;

/**
 * Says in words that a value is too large to be looked at; null: it is not. Two megabytes hold a million values: a
 * schema that finds fault with each of them takes longer than a workflow task may, each time that it is tried.
 */
export function tooLarge(value: unknown): string | null {
  let values = 0;
  let characters = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    values += 1;
    if (typeof next === 'string') characters += next.length;
    else if (Array.isArray(next)) {
      if (values + open.length + next.length > MOST_VALUES) return MANY;
      for (const element of next) open.push(element);
    } else if (typeof next === 'object' && next !== null) {
      for (const key in next) {
        characters += key.length;
        open.push((next as Record<string, unknown>)[key]);
        if (values + open.length > MOST_VALUES) return MANY;
      }
    }
    if (characters > MOST_CHARACTERS) return LONG;
  }
  return null;
}

const MANY = `it holds more than ${MOST_VALUES.toLocaleString('en')} values`;
const LONG = `it holds more than ${MOST_CHARACTERS.toLocaleString('en')} characters`;
