import { duration, score, utcMinute } from '../../../words/numbers.ts';
import type { Style } from '../../io.ts';
import { flow, oneLine, wrap } from '../../views/format.ts';
import { tableLines } from '../../views/table.ts';
import type { Retrain, Retrains } from './gather.ts';
import type { Verdict } from './verdict.ts';

interface Canvas {
  /** Width of the terminal (characters); infinite for a file or a pipe. */
  width: number;
  style: Style;
  /** Unix time (ms). */
  now: number;
}

/** Narrower terminals have the rows of the table as paragraphs. */
const WIDE_ENOUGH = 120;
/** Stands for what is not known, or does not apply. */
const NONE = '–';

/** The retrains in lines for a reader, newest first. */
export function retrainLines({ registeredModel, retrains, more, live }: Retrains, canvas: Canvas): string[] {
  const { width, style } = canvas;
  if (retrains.length === 0) return [`No such retrain of ${registeredModel} is known to MLflow.`];
  const isSilent = !live && retrains.some(({ verdict: { kind } }) => kind === 'running');
  return [
    style('bold', `${registeredModel}: retrains`),
    '',
    ...(width >= WIDE_ENOUGH ? wide(retrains, canvas) : retrains.flatMap((retrain) => narrow(retrain, canvas))),
    ...(more ? ['', `There are earlier ones: --limit ${retrains.length * 2} shows more of them.`] : []),
    ...(isSilent ? ['', style('yellow', 'Temporal does not answer: what runs is told as MLflow has it.')] : []),
  ];
}

function wide(retrains: readonly Retrain[], { width, style, now }: Canvas): string[] {
  const words = retrains.map((retrain) => facts(retrain, now));
  const column = (title: string, name: keyof ReturnType<typeof facts>, align: 'left' | 'right' = 'left') => ({
    title,
    cells: words.map((facts) => facts[name]),
    align,
  });
  return tableLines(
    [
      column('started (UTC)', 'started'),
      column('workflow', 'workflowId'),
      column('model', 'model'),
      column('trigger', 'trigger'),
      column('version', 'version', 'right'),
      column('test AUC', 'auc', 'right'),
      column('took', 'took', 'right'),
      { ...column('what came of it', 'verdict'), look: (text, row) => coloured(retrains[row] as Retrain, text, style) },
    ],
    { width, style },
  );
}

function narrow(retrain: Retrain, { width, style, now }: Canvas): string[] {
  const { started, workflowId, model, trigger, version, auc, took, verdict } = facts(retrain, now);
  const scores = [version !== NONE && `version ${version}`, auc !== NONE && `AUC ${auc}`, took !== NONE && took];
  return [
    ...flow([started, ...scores.filter((part) => part !== false)], width),
    ...wrap(verdict, width - 2).map((line) => `  ${coloured(retrain, line, style)}`),
    ...flow([workflowId, model, trigger], width, '  ').map((line) => style('dim', line)),
  ];
}

/** A retrain in words, each without a line break. */
function facts({ startedAt, workflowId, model, trigger, version, testAuc, seconds, ...rest }: Retrain, now: number) {
  const { kind } = rest.verdict;
  const goesOn = kind === 'running' || kind === 'waiting';
  const ms = goesOn ? now - Date.parse(startedAt) : seconds === null ? null : seconds * 1000;
  return {
    started: utcMinute(startedAt).replace(' UTC', ''),
    workflowId,
    model: model ?? NONE,
    trigger: oneLine(trigger),
    version: version ?? NONE,
    auc: testAuc === null ? NONE : score(testAuc),
    took: ms === null ? NONE : duration(ms),
    verdict: verdictText(rest.verdict, rest.rolledBack),
  };
}

/** What became of a retrain, in a line. */
export function verdictText({ kind, stage, reason }: Verdict, rolledBack: string | null): string {
  const why = shortened(reason);
  const because = why ? `: ${why}` : '';
  const later = rolledBack === null ? '' : `, rolled back later: ${shortened(rolledBack)}`;
  switch (kind) {
    case 'promoted':
      return `promoted to ${stage}${later}`;
    case 'notPromoted':
      return `not promoted${because}${later}`;
    case 'registered':
      return `registered only${later}`;
    case 'failed':
      return `failed${because}`;
    case 'cancelled':
      return 'cancelled';
    case 'running':
      return why ? `running: ${why}` : 'running';
    case 'waiting':
      return 'waits for approval';
    case 'lost':
      return `ended without a word${because}`;
  }
}

/** The first sentence, without the word that the verdict says already. */
function shortened(reason: string): string {
  const line = oneLine(reason).replace(/^Refused: /, '');
  return /^(.+?)\.(?= |$)/.exec(line)?.[1] ?? line;
}

const COLOURS: Partial<Record<Verdict['kind'], Parameters<Style>[0]>> = {
  promoted: 'green',
  notPromoted: 'yellow',
  failed: 'red',
  cancelled: 'yellow',
  running: 'cyan',
  waiting: 'yellow',
  lost: 'red',
};

function coloured({ verdict: { kind }, rolledBack }: Retrain, text: string, style: Style): string {
  const colour = kind === 'promoted' && rolledBack !== null ? 'yellow' : COLOURS[kind];
  return colour ? style(colour, text) : text;
}
