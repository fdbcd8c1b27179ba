import type { View } from '../follow/watch.ts';
import { type Output, writeLine } from '../io.ts';

/** A view for programs: one JSON document a line, for each change. */
export function jsonLineView(stream: Output): View {
  const last = new Map<string, string>();
  const emit = (event: string, content: Record<string, unknown>) => {
    const text = JSON.stringify(content);
    if (last.get(event) === text) return;
    last.set(event, text);
    writeLine(stream, JSON.stringify({ event, at: new Date().toISOString(), ...content }));
  };
  last.set('notice', JSON.stringify({ notices: [] }));
  return {
    progress: (progress) => emit('progress', { progress }),
    notices: (notices) => emit('notice', { notices }),
    close: () => undefined,
  };
}
