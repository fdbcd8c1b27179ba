import { createLogUpdate } from 'log-update';
import type { Progress } from '../../contracts/progress.ts';
import type { View } from '../follow/watch.ts';
import type { Output, Style } from '../io.ts';
import { drawFrame } from './frame.ts';

const FRAME_MS = 120;

/** A view for terminals: drawn in place, several times a second so that times run. */
export function liveView(stream: Output, style: Style): View {
  const draw = createLogUpdate(stream as NodeJS.WriteStream);
  let progress: Progress | null = null;
  let notices: readonly string[] = [];
  let tick = 0;
  const render = () => {
    const canvas = { columns: stream.columns ?? 80, now: Date.now(), tick: tick++, style };
    const lines = progress ? drawFrame(progress, notices, canvas) : notices;
    draw(lines.length > 0 ? lines.join('\n') : 'Waiting for the first answer.');
  };
  const timer = setInterval(render, FRAME_MS);
  return {
    progress: (latest) => {
      progress = latest;
    },
    notices: (latest) => {
      notices = latest;
    },
    close: () => {
      clearInterval(timer);
      render();
      draw.done();
    },
  };
}
