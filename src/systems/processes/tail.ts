/** How much of an output is kept for messages (characters). */
const TAIL_LIMIT = 2_000;

/** Keeps the end of an output. */
export class Tail {
  #text = '';

  add(lines: readonly string[]): void {
    // No more lines than characters can matter: a flood comes in pieces of many thousand lines.
    const added = lines.slice(-TAIL_LIMIT).map((line) => `${line.slice(-TAIL_LIMIT)}\n`);
    this.#text = (this.#text + added.join('')).slice(-TAIL_LIMIT);
  }

  clear(): void {
    this.#text = '';
  }

  get text(): string {
    return this.#text;
  }
}
