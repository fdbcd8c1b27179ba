/** Thrown when a document lacks the place for generated text. */
export class MissingRegion extends Error {
  override name = 'MissingRegion';
}

/**
 * Replaces what stands between `<!-- name:start -->` and `<!-- name:end -->`.
 *
 * @throws {MissingRegion} when the document has no such pair of marks
 */
export function fillRegion(document: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  const from = document.indexOf(start);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) {
    throw new MissingRegion(`It has no region "${name}": put the lines ${start} and ${end} where the text belongs.`);
  }
  return `${document.slice(0, from + start.length)}\n${content}\n${document.slice(to)}`;
}
