/** Thrown when the marks of a page are wrong. */
export class RegionError extends Error {
  override name = 'RegionError';
}

/**
 * Replaces what stands between `<!-- name:start -->` and `<!-- name:end -->`, for every name.
 *
 * @returns the text, and the names of its regions
 * @throws {RegionError} for a region without an end, or one that nothing writes
 */
export function fillRegions(
  document: string,
  writers: Record<string, () => string>,
): { text: string; names: string[] } {
  const names: string[] = [];
  const text = document.replace(/<!-- (\w+):start -->(?:[\s\S]*?<!-- \1:end -->)?/g, (region: string, name: string) => {
    const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
    const write = Object.hasOwn(writers, name) ? writers[name] : undefined;
    if (!write) throw new RegionError(`Nothing writes its region "${name}".`);
    if (!region.endsWith(end)) throw new RegionError(`Its region "${name}" has no end: put ${end} after it.`);
    names.push(name);
    return `${start}\n${write()}\n${end}`;
  });
  return { text, names };
}
