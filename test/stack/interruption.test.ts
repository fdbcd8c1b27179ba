import { afterEach, expect, test, vi } from 'vitest';
import { watchInterruptions } from '../../src/stack/interruption.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const before = SIGNALS.map((name) => process.listeners(name));
afterEach(() => {
  vi.restoreAllMocks();
  for (const [index, name] of SIGNALS.entries()) {
    for (const listener of process.listeners(name)) {
      if (!before[index]?.includes(listener)) process.off(name, listener);
    }
  }
});

test('one Ctrl-C that comes twice is one, also while the clock is set', () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as never);
  let time = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => (time += 3_600_000));
  const signal = watchInterruptions({ watchParent: false });
  process.emit('SIGINT');
  process.emit('SIGINT');
  expect(signal.reason).toMatchObject({ words: 'Ctrl-C', exitCode: 130 });
  expect(exit).not.toHaveBeenCalled();
});
