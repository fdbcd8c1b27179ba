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

const WAYS: Record<SearchWay, string> = {
  own: "by the project's own search",
  trials: 'by MediWatch: trials of the training',
  none: 'not at all',
};
const TARGETS: Record<Target, string> = {
  docker: 'in containers',
  process: 'as a process',
  none: 'nowhere: a retrain ends with the promotion',
};

interface Choice<Value> {
  value: Value;
  label: string;
  hint?: string;
}
const labelled = <Value extends string>(labels: Record<Value, string>, values = Object.keys(labels) as Value[]) =>
  values.map((value): Choice<Value> => ({ value, label: labels[value] }));
const asOption = ({ path, reasons }: Program) => ({ value: path, label: path, hint: reasons.join('; ') });
const asItIs = (value: string) => ({ value, label: value });

/**
 * Asks what only the project's people know; each question has the answer that was found as its default.
 *
 * @throws {Abandoned} on Ctrl-C
 */
export async function ask(findings: Findings, terminal: Terminal): Promise<Answers> {
  const choose = async <Value extends string>(message: string, options: Choice<Value>[], initialValue: Value) => {
    const shown = options.map(({ value, label, hint }) => ({
      ...{ value: value as string, label: printable(label) },
      ...(hint !== undefined && { hint: printable(hint) }),
    }));
    return answered(await select({ ...terminal, message, options: shown, initialValue, maxItems: 10 })) as Value;
  };
  const chooseOrNone = async (message: string, options: Choice<string>[], hint: string, initial: string = NONE) =>
    (await choose(message, [...options, { value: NONE, label: 'none of them', hint }], initial)) || null;

  const defaults = defaultAnswers(findings);
  const trains = trainCandidates(findings);
  const train =
    trains.length === 0
      ? null
      : await chooseOrNone(
          'Which program trains the model?',
          trains.map(asOption),
          'fill it in later',
          defaults.train ?? NONE,
        );
  const own = findings.programs.find(({ path }) => path === train) ?? null;
  const prepares = preparations(findings, own).map(({ program }) => asOption(program));
  const prepare =
    prepares.length < 2
      ? (prepares[0]?.value ?? defaults.prepare)
      : await chooseOrNone('Which program prepares the data?', prepares, 'the training reads what is there');
  const found = propose(findings, { ...defaults, train, prepare }).data;
  const data =
    found.path !== null || found.candidates.length === 0
      ? null
      : await chooseOrNone(
          'Which data does a run start from?',
          found.candidates.map(asItIs),
          'fill it in later',
          found.candidates[0],
        );
  const metrics = metricsOf(findings, train);
  const others = [
    { value: OTHER, label: 'another one' },
    { value: NONE, label: 'none' },
  ];
  const chosen =
    train === null
      ? null
      : await choose(
          'Which MLflow metric decides the search?',
          [...metrics.map(asItIs), ...others],
          metrics[0] ?? NONE,
        );
  const another = async () =>
    answered(await text({ ...terminal, message: 'Its name in MLflow', placeholder: 'val_auc' }));
  const metric = (chosen === OTHER ? (await another())?.trim() : chosen) || null;
  const ways = searchWays(findings, train, metric);
  const search =
    ways.length > 1
      ? await choose('How are hyperparameters searched?', labelled(WAYS, ways), ways[0] ?? 'none')
      : 'none';
  const registeredModel = answered(
    await text({
      ...terminal,
      message: 'Name of the registered model in MLflow',
      initialValue: defaults.registeredModel,
      validate: (value) => (value?.trim() ? undefined : 'A name is needed'),
    }),
  ).trim();
  const isWanted = { message: 'Take over the schedules that were found?', initialValue: defaults.schedules };
  const schedules = schedulesFound(findings) && answered(await confirm({ ...terminal, ...isWanted }));
  const deployment = await choose('Where does the API run?', labelled(TARGETS), defaults.deployment);
  return { train, prepare, data, search, metric, registeredModel, schedules, deployment };
}

/** Asks whether scripts may be run with `--help`. */
export async function mayRunHelp(paths: readonly string[], terminal: Terminal): Promise<boolean> {
  const message = `The options of ${paths.join(', ')} cannot be read from the source. Run with --help, without a network?`;
  return answered(await confirm({ ...terminal, message: printable(message) }));
}

function answered<Value>(value: Value): Exclude<Value, symbol> {
  if (isCancel(value)) throw new Abandoned();
  return value as Exclude<Value, symbol>;
}
