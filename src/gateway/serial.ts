/** Runs functions of the same key one after the other, and those of different keys side by side. */
type Serial = <Result>(key: string, run: () => Promise<Result>) => Promise<Result>;

export function createSerial(): Serial {
  const last = new Map<string, Promise<unknown>>();
  return (key, run) => {
    const result = (last.get(key) ?? Promise.resolve()).then(run, run);
    last.set(key, result);
    const forget = () => last.get(key) === result && last.delete(key);
    result.then(forget, forget);
    return result;
  };
}
