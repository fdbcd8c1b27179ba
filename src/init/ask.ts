import type { Readable, Writable } from 'node:stream';
import { confirm, isCancel, select, text } from '@clack/prompts';
import { printable } from '../config/printable.ts';
import {
  type Answers,
  defaultAnswers,
  metricsOf,
  type SearchWay,
  schedulesFound,
  searchWays,
  type Target,
  trainCandidates,
} from './answers.ts';
import { preparations } from './chain.ts';
import type { Findings } from './index.ts';
import type { Program } from './programs.ts';
import { propose } from './proposal.ts';

/** Where questions are asked. */
export interface Terminal {
  input: Readable;
  output: Writable;
  signal: AbortSignal;
}

/** The reader pressed Ctrl-C. */
export class Abandoned extends Error {
  override name = 'Abandoned';
}

const NONE = '';
const OTHER = ' other';

/**
 * Asks what only the project's people know; each question has the answer that was found as its default.
 *
 * @throws {Abandoned} on Ctrl-C
 */
export async function ask(findings: Findings, terminal: Terminal): Promise<Answers> {
  const defaults = defaultAnswers(findings);
  const train = await askTrain(findings, defaults.train, terminal);
  const prepare = await askPrepare(findings, { ...defaults, train }, terminal);
  const data = await askData(findings, { ...defaults, train, prepare }, terminal);
  const metric = await askMetric(findings, train, terminal);
  const ways = searchWays(findings, train, metric);
  const search =
    ways.length > 1
      ? await choose('How are hyperparameters searched?', ways.map(wayOption), ways[0] ?? 'none', terminal)
      : 'none';
  const registeredModel = answered(
    await text({
      ...terminal,
      message: 'Name of the registered model in MLflow',
      initialValue: defaults.registeredModel,
      validate: (value) => (value?.trim() ? undefined : 'A name is needed'),
    }),
  ).trim();
  const schedules =
    schedulesFound(findings) &&
    answered(
      await confirm({
        ...terminal,
        message: 'Take over the schedules that were found?',
        initialValue: defaults.schedules,
      }),
    );
  const deployment = await choose('Where does the API run?', TARGETS, defaults.deployment, terminal);
  return { train, prepare, data, search, metric, registeredModel, schedules, deployment };
}

/** Asks whether scripts may be run with `--help`. */
export async function mayRunHelp(paths: readonly string[], terminal: Terminal): Promise<boolean> {
  const message = `The options of ${paths.join(', ')} cannot be read from the source. Run with --help, without a network?`;
  return answered(await confirm({ ...terminal, message: printable(message) }));
}

async function askTrain(findings: Findings, suggested: string | null, terminal: Terminal): Promise<string | null> {
  const candidates = trainCandidates(findings).map(asOption);
  if (candidates.length === 0) return null;
  return chooseOrNone('Which program trains the model?', candidates, 'fill it in later', terminal, suggested ?? NONE);
}

/** Which program prepares the data, where several hand over to the training. */
async function askPrepare(findings: Findings, { train, prepare }: Answers, terminal: Terminal): Promise<string | null> {
  const own = findings.programs.find(({ path }) => path === train) ?? null;
  const candidates = preparations(findings, own).map(({ program }) => asOption(program));
  if (candidates.length < 2) return candidates[0]?.value ?? prepare;
  return chooseOrNone('Which program prepares the data?', candidates, 'the training reads what is there', terminal);
}

/** Where the data are, when that cannot be told. */
async function askData(findings: Findings, answers: Answers, terminal: Terminal): Promise<string | null> {
  const { path, candidates } = propose(findings, answers).data;
  if (path !== null || candidates.length === 0) return null;
  const options = candidates.map((value) => ({ value, label: value }));
  return chooseOrNone('Which data does a run start from?', options, 'fill it in later', terminal, candidates[0]);
}

const asOption = ({ path, reasons }: Program) => ({ value: path, label: path, hint: reasons.join('; ') });

async function chooseOrNone(
  message: string,
  options: Choice<string>[],
  hint: string,
  terminal: Terminal,
  initial: string = NONE,
): Promise<string | null> {
  return (await choose(message, [...options, { value: NONE, label: 'none of them', hint }], initial, terminal)) || null;
}

async function askMetric(findings: Findings, train: string | null, terminal: Terminal): Promise<string | null> {
  const known = metricsOf(findings, train);
  if (train === null) return null;
  const options = [
    ...known.map((value) => ({ value, label: value })),
    { value: OTHER, label: 'another one' },
    { value: NONE, label: 'none' },
  ];
  const chosen = await choose('Which MLflow metric decides the search?', options, known[0] ?? NONE, terminal);
  if (chosen !== OTHER) return chosen || null;
  return answered(await text({ ...terminal, message: 'Its name in MLflow', placeholder: 'val_auc' }))?.trim() || null;
}

const WAYS: Record<SearchWay, string> = {
  own: "by the project's own search",
  trials: 'by MediWatch: trials of the training',
  none: 'not at all',
};
const wayOption = (value: SearchWay) => ({ value, label: WAYS[value] });
const TARGETS: Choice<Target>[] = [
  { value: 'docker', label: 'in containers' },
  { value: 'process', label: 'as a process' },
  { value: 'none', label: 'nowhere: a retrain ends with the promotion' },
];

interface Choice<Value> {
  value: Value;
  label: string;
  hint?: string;
}

async function choose<Value extends string>(
  message: string,
  options: Choice<Value>[],
  initialValue: Value,
  terminal: Terminal,
): Promise<Value> {
  const shown = options.map(({ value, label, hint }) => ({
    value,
    label: printable(label),
    ...(hint !== undefined && { hint: printable(hint) }),
  }));
  return answered(await select<string>({ ...terminal, message, options: shown, initialValue, maxItems: 10 })) as Value;
}

function answered<Value>(value: Value): Exclude<Value, symbol> {
  if (isCancel(value)) throw new Abandoned();
  return value as Exclude<Value, symbol>;
}
