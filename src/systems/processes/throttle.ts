/**
 * Passes values on at most once in `intervalMs`: the first at once, then the newest one when the time has come.
 * `stop` drops what has not been passed on.
 */
export function throttle<Value>(intervalMs: number, pass: (value: Value) => void) {
  let newest: { value: Value } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const passNewest = () => {
    timer = undefined;
    if (!newest) return;
    const { value } = newest;
    newest = undefined;
    timer = setTimeout(passNewest, intervalMs);
    pass(value);
  };
  return {
    push(value: Value): void {
      newest = { value };
      if (!timer) passNewest();
    },
    stop(): void {
      clearTimeout(timer);
      newest = undefined;
    },
  };
}
