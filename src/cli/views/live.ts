import { createLogUpdate } from 'log-update';
import { printable } from '../../config/printable.ts';
import { STAGE_TITLES } from '../../contracts/names.ts';
import type { Progress, SearchProgress, StageProgress } from '../../contracts/progress.ts';
import { oneLine } from '../../contracts/text.ts';
import { finishedTrials } from '../../domain/progress.ts';
import { paramTexts } from '../../words/numbers.ts';
import { remarkText, stageText, waitingText } from '../../words/results.ts';
import type { Output, Style } from '../cli.ts';
import type { View } from '../follow/watch.ts';
import { bestScore, clip, flow, stageTime, trialCount, wrap } from './text.ts';

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
    draw(lines.length > 0 ? printable(lines.join('\n')) : 'Waiting for the first answer.');
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

interface Canvas {
  /** Width of the terminal (characters). */
  columns: number;
  /** Unix time (ms). */
  now: number;
  /** Drawings so far: turns the spinner. Null for a picture that stands still. */
  tick: number | null;
  style: Style;
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const SYMBOLS: Record<StageProgress['state'], [symbol: string, colour: Parameters<Style>[0]]> = {
  waiting: ['·', 'dim'],
  running: ['▸', 'cyan'],
  done: ['✔', 'green'],
  skipped: ['–', 'dim'],
  failed: ['✖', 'red'],
  cancelled: ['✖', 'yellow'],
};
const TITLE_WIDTH = Math.max(...Object.values(STAGE_TITLES).map((title) => title.length));
const TIME_WIDTH = 8;
/** Narrower terminals have what came of a stage on a line of its own. */
const WIDE_ENOUGH = 72;

/** Draws progress and notices as lines, none wider than the canvas. */
export function drawFrame(progress: Progress, notices: readonly string[], canvas: Canvas): string[] {
  const { columns, style } = canvas;
  const { search, stages, waiting, remarks } = progress;
  const searching = stages.some(({ name }) => name === 'hyperparameterSearch');
  const aside = (mark: string, text: string | null, colour: Parameters<Style>[0]) =>
    text ? wrap(`${mark} ${oneLine(text)}`, columns).map((line) => style(colour, line)) : [];
  return [
    ...stages.flatMap((stage) => [
      ...stageLines(stage, canvas),
      ...(stage.name === 'hyperparameterSearch' && search ? searchLines(search, canvas) : []),
    ]),
    ...(search && !searching ? searchLines(search, canvas) : []),
    ...aside('…', waiting && `Waiting for ${waitingText(waiting, progress.workflowId)}`, 'yellow'),
    ...remarks.flatMap((remark) => aside('!', remarkText(remark), 'red')),
    ...notices.flatMap((notice) => aside('!', notice, 'yellow')),
  ];
}

function stageLines(stage: StageProgress, { columns, now, tick, style }: Canvas): string[] {
  const [still, colour] = SYMBOLS[stage.state];
  const turning = stage.state === 'running' && tick !== null;
  const symbol = turning ? (SPINNER[tick % SPINNER.length] as string) : still;
  const time = stageTime(stage, now).padStart(TIME_WIDTH);
  const head = ` ${STAGE_TITLES[stage.name].padEnd(TITLE_WIDTH)}${time}`;
  const summary = oneLine(stage.state === 'running' && !stage.waiting ? '' : stageText(stage));
  const text = clip(head, columns - 1).trimEnd();
  const lead = style(colour, symbol) + (stage.state === 'waiting' ? style('dim', text) : text);
  if (!summary) return [lead];
  if (columns >= WIDE_ENOUGH) return [`${lead}  ${style('dim', clip(summary, columns - head.length - 3))}`];
  return [lead, style('dim', clip(`  ${summary}`, columns))];
}

function searchLines(search: SearchProgress, { columns, style }: Canvas): string[] {
  const bar = searchBar(search, Math.min(24, columns - 4));
  const params = search.best ? paramTexts(search.best.params) : [];
  const [first = '', ...more] = flow([bar, trialCount(search), bestScore(search)], columns, '  ');
  return [
    `  ${style('cyan', bar)}${first.slice(bar.length + 2)}`,
    ...more,
    ...flow(params, columns, '  ').map((line) => style('dim', line)),
  ];
}

function searchBar(search: SearchProgress, width: number): string {
  const { total } = search;
  const filled = total > 0 ? Math.round((Math.min(finishedTrials(search), total) / total) * width) : 0;
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
