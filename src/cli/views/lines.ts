import { STAGE_TITLES } from '../../contracts/names.ts';
import type { Progress, StageProgress } from '../../contracts/progress.ts';
import { oneLine } from '../../contracts/text.ts';
import { finishedTrials } from '../../domain/progress.ts';
import { paramsText } from '../../words/numbers.ts';
import { outcomeText, remarkText, waitingText } from '../../words/results.ts';
import { type Output, writeJson, writeLine } from '../cli.ts';
import type { View } from '../follow/watch.ts';
import { bestScore, stageTime, trialCount } from './text.ts';

/** Trial counts come at most this often; each better score comes at once (ms). */
const COUNT_EVERY_MS = 5_000;

/** A view for logs and pipes: a line with its time for each change. */
export function lineView(stream: Output, clock: () => Date = () => new Date()): View {
  const say = (text: string) => writeLine(stream, `${clock().toTimeString().slice(0, 8)}  ${oneLine(text)}`);
  const onChange = sayOnChange(say);
  const stageStates = new Map<string, string>();
  let countedAt = Number.NEGATIVE_INFINITY;

  const stage = (now: StageProgress) => {
    const before = stageStates.get(now.name) ?? 'waiting';
    stageStates.set(now.name, now.state);
    if (now.state === before) return;
    // Whoever begins to follow late, or asks seldom, still sees that the stage ran.
    say(stageText(now, clock().getTime()));
  };
  const search = ({ search: now }: Progress) => {
    if (!now) return;
    if (now.best) onChange('best', String(now.best.number), `${bestScore(now)}: ${paramsText(now.best.params)}`);
    const over = finishedTrials(now) >= now.total;
    if (!over && clock().getTime() - countedAt < COUNT_EVERY_MS) return;
    if (onChange('count', trialCount(now), trialCount(now))) countedAt = clock().getTime();
  };
  return {
    progress: (now) => {
      for (const each of now.stages) {
        // Trials come after the line that says that they began, and before the one that says that they are done.
        const searches = each.name === 'hyperparameterSearch';
        if (searches && each.state !== 'running') search(now);
        stage(each);
        if (searches) search(now);
      }
      const waits = now.waiting ? `Waiting for ${waitingText(now.waiting, now.workflowId)}` : '';
      onChange('waiting', waits, waits);
      const remarks = now.remarks.map(remarkText).join(' ');
      onChange('remarks', remarks, remarks);
    },
    notices: (texts) => onChange('notices', texts.join('\n'), texts.join(' ')),
    close: () => undefined,
  };
}

/** Says a text when the value under its topic is another than the last time. */
function sayOnChange(say: (text: string) => void) {
  const last = new Map<string, string>();
  return (topic: string, value: string, text: string | null): boolean => {
    if ((last.get(topic) ?? '') === value) return false;
    last.set(topic, value);
    if (text) say(text);
    return true;
  };
}

function stageText(stage: StageProgress, now: number): string {
  const title = STAGE_TITLES[stage.name];
  const about = stage.outcome ? `: ${outcomeText(stage.outcome)}` : '';
  if (stage.state === 'running') return `${title} started`;
  if (stage.state === 'waiting') return `${title} waits`;
  if (stage.state === 'skipped') return `${title} skipped${about}`;
  return `${title} ${stage.state} after ${stageTime(stage, now) || 'no time'}${about}`;
}

/** A view for programs: one JSON document a line, for each change. */
export function jsonLineView(stream: Output): View {
  const last = new Map<string, string>();
  const emit = (event: string, content: Record<string, unknown>) => {
    const text = JSON.stringify(content);
    if (last.get(event) === text) return;
    last.set(event, text);
    writeJson(stream, { event, at: new Date().toISOString(), ...content });
  };
  last.set('notice', JSON.stringify({ notices: [] }));
  return {
    progress: (progress) => emit('progress', { progress }),
    notices: (notices) => emit('notice', { notices }),
    close: () => undefined,
  };
}
