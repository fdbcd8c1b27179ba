import { posix } from 'node:path';
import type { StepName } from '../contracts/plans.ts';
import type { Answers } from './answers.ts';
import { type Binding, type Call, callOf, configsOf, settled, wantsInput } from './call.ts';
import { chainOf, inside, type Piece, preparation, preparations, readBy, valuesOf, writtenBy } from './chain.ts';
import { placeholder, within } from './declared.ts';
import { type Findings, SAMPLE_FILE, TABLE_FILE } from './findings.ts';
import { forGate, forSearch, isAuc, isScore, type Metric, type Parameter, parametersOf } from './hyperparameters.ts';
import { logsModel, type Program, withRole } from './programs.ts';
import type { Run } from './shell.ts';

/** A step as a command of the project. */
export interface StepProposal extends Call {
  program: Program;
  run: Run | undefined;
  command: string[];
}

/** Where the scores of a training are found. */
type Scores =
  | { from: 'mlflow'; metric: Metric }
  | { from: 'file'; file: string; metric: Metric | null }
  | { from: 'output'; pattern: string; metric: Metric };

/** The data that a run starts from. */
interface DataChoice {
  /** Null: it is one of the candidates. */
  path: string | null;
  candidates: string[];
  why: string;
}

/** What is proposed, before it is put into words. */
export interface Proposal {
  findings: Findings;
  answers: Answers;
  data: DataChoice;
  /** What is done in the project before the data are prepared, and between that and the training. */
  before: StepProposal[];
  between: StepProposal[];
  prepare: (StepProposal & { directory: string | null }) | null;
  search: StepProposal | null;
  trial: StepProposal | null;
  /** With the programs that score the model, as a part of it. */
  train: (StepProposal & { parts: StepProposal[]; modelFile: string | null; isKept: boolean }) | null;
  after: StepProposal[];
  monitor: StepProposal | null;
  parameters: Parameter[];
  /** Metric that decides the search. */
  metric: Metric | null;
  /** Where the score is that the gate compares. */
  scores: Scores | null;
  /** What the pipeline runs and no step does. */
  left: Run[];
}

/** Puts together what was found and what was answered. */
export function propose(findings: Findings, answers: Answers): Proposal {
  const { programs, view } = findings;
  const train = programs.find(({ path }) => path === answers.train) ?? null;
  const chain = train && chainOf(findings, train);
  const own = chain && { program: chain.train, run: chain.run };
  const { earlier = [], later: all = [], left = [] } = chain ?? {};
  const chosen = preparations(findings, train).find(({ program }) => program.path === answers.prepare);
  const prepared = own && chosen ? preparation(chosen, own, findings) : null;
  const at = earlier.findIndex(({ program, run }) => program === chosen?.program && run === chosen.run);
  const first = at < 0 ? earlier : earlier.slice(0, at);
  const between = at < 0 ? [] : earlier.slice(at + 1);
  // What runs after the training and scores its model is a part of it, unless the training scores it itself.
  const isScored = train !== null && scoreNames(train).length > 0;
  const isScorer = ({ program, run }: Piece) => (run?.metrics.length ?? 0) > 0 || program.role === 'evaluate';
  const scorers = isScored ? [] : all.filter(isScorer);
  const later = all.filter((piece) => !scorers.includes(piece));

  const pieces = [...first, ...(chosen ? [chosen] : []), ...(own ? [own] : [])];
  const { data, bindings: ofData } = chooseData(findings, pieces, answers.data, left.length > 0);
  const input = placeholder(prepared ? 'dataset' : 'data');
  const parameters = train ? parametersOf(train, searched(findings)) : [];
  const metric = answers.metric === null ? null : (forSearch([answers.metric])[0] ?? null);

  const make = (step: StepName | 'extra', piece: Piece, bindings: readonly Binding[]): StepProposal => {
    // What a configuration declares can be tried at any time; other arguments are left to the program without a search.
    const isOpen = step === 'trial' || (step === 'train' && piece === own);
    const isDeclared = answers.search !== 'none' || step === 'trial' || piece.program.facts.overrides;
    const made = callOf({
      ...{ step, ...piece, view, bindings, input: step === 'prepare' ? placeholder('data') : input },
      params: (isOpen && isDeclared ? parameters : []).map(({ option }) => ({
        option,
        fallback: step === 'trial' || option.default === null ? null : String(option.default),
      })),
    });
    const isFed = prepared?.piece.program.kind === 'task' && !first.includes(piece);
    const ofTask = piece.program.kind === 'task' ? results(step, first.length > 0, isFed) : [];
    return { ...made, ...piece, command: started([...made.words, ...ofTask], findings).map(settled) };
  };
  const reading = [...ofData, ...(prepared?.reads ?? [])];
  const writing = own ? [...reading, ...outputsOf([own, ...scorers], later, reading, findings)] : reading;
  const alone = (step: StepName, program: Program | undefined) => {
    const piece = program && { program, run: program.runs[0] };
    return piece ? make(step, piece, [...reading, ...outputsOf([piece], [], reading, findings)]) : null;
  };
  const training = own && make('train', own, writing);
  const parts = scorers.map((piece) => make('train', piece, writing));
  return {
    ...{ findings, answers, data, parameters, metric, left },
    before: first.map((piece) => make('extra', piece, ofData)),
    between: between.map((piece) => make('extra', piece, reading)),
    prepare: prepared && {
      ...make('prepare', prepared.piece, [...ofData, ...prepared.writes]),
      directory: prepared.directory,
    },
    search: answers.search === 'own' ? alone('search', withRole(programs, 'search')[0]) : null,
    trial: own && metric && parameters.length > 0 ? make('trial', own, writing) : null,
    train: training && { ...training, parts, ...modelOf(training) },
    after: later.map((piece) => make('extra', piece, reading)),
    monitor: alone('monitor', withRole(programs, 'monitor')[0]),
    scores: training && scoresOf([training, ...parts]),
  };
}

/** Where a task of Airflow finds what those before it returned, and where it leaves its own: for later ones in the project. */
function results(step: StepName | 'extra', isFirst: boolean, isPrepared: boolean): string[] {
  const shared = '.mediwatch/airflow';
  if (step === 'prepare') return [...(isFirst ? ['--from', shared] : []), '--dir', placeholder('output')];
  return [...(isPrepared ? ['--from', placeholder('dataset')] : []), '--dir', shared];
}

const scoreNames = ({ facts }: Program) => [...facts.metrics, ...Object.values(facts.scores).flat()].filter(isScore);

/** The arguments by which the training says where it writes, in a folder of ours; what later steps read stays where it is. */
function outputsOf(
  pieces: readonly Piece[],
  later: readonly Piece[],
  taken: readonly Binding[],
  findings: Findings,
): Binding[] {
  const values = pieces.flatMap((piece) => {
    const written = writtenBy(piece, findings);
    return valuesOf(piece).filter((value) => written.some((path) => within(path, value)));
  });
  const isNamed = (path: string) => pieces.some((piece) => valuesOf(piece).includes(path));
  const kept = later.flatMap((piece) => [...valuesOf(piece), ...readBy(piece, findings)]);
  const free = values.filter((value) => {
    const isUsed = kept.some((path) => within(path, value) || within(value, path));
    return !isUsed && value !== '' && !taken.some(([path]) => within(path, value) && !isNamed(path));
  });
  return [...new Set(free)].map((path) => inside('output', path));
}

/** The file that becomes the version, for a training that logs no model to MLflow. */
function modelOf({ program: { facts }, place }: StepProposal): { modelFile: string | null; isKept: boolean } {
  const unscored = Object.keys(facts.scores).filter((path) => !facts.scores[path]?.some(isScore));
  const named = [...unscored, ...facts.writes].filter((path) => /model.*\.(json|txt|pt|onnx|cbm|ubj|npz)$/.test(path));
  const files = [...facts.models, ...named].map((path) => located(path, place));
  const modelFile = files.find((file) => file !== undefined) ?? null;
  return { modelFile, isKept: modelFile !== null || logsModel(facts) };
}

/** A file that a program writes, where a command of ours finds it. */
export function located(path: string, place: Call['place']): string | undefined {
  const found = place(path);
  return found === undefined ? undefined : settled(found);
}

/** Where the training, or what scores its model, leaves the score: in MLflow, in a file, or in its output. */
function scoresOf(steps: readonly StepProposal[]): Scores | null {
  const [logged] = forGate(steps.flatMap(({ program }) => program.facts.metrics).filter(isScore));
  if (logged) return { from: 'mlflow', metric: logged };
  for (const { program, run, place } of steps.toReversed()) {
    for (const [path, keys] of Object.entries(program.facts.scores)) {
      const file = located(path, place);
      const [metric] = forGate(keys.filter(isScore));
      if (file && metric) return { from: 'file', file, metric };
    }
    const [declared] = run?.metrics ?? [];
    if (declared) return { from: 'file', file: declared, metric: null };
  }
  // Of "epoch {}: loss={} val_acc={}" each value has its name before it.
  const printed = steps.flatMap(({ program }) => program.facts.prints.flatMap((text) => text.split('{}').slice(0, -1)));
  const named = printed.flatMap((before) => {
    const [, words = ''] = /([A-Za-z][\w ]*?)\W{0,3}$/.exec(before) ?? [];
    const name = words.split(/\s+/).toReversed().find(isScore)?.toLowerCase();
    return name === undefined ? [] : [{ name, before }];
  });
  const [metric] = forGate(named.map(({ name }) => name));
  const before = named.find(({ name }) => name === metric?.name)?.before;
  if (!metric || before === undefined) return null;
  const literal = before.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const group = gateName(metric).replace(/\W/g, '_');
  return { from: 'output', pattern: `${literal}(?<${group}>-?[0-9.]+(?:e-?[0-9]+)?)`, metric };
}

/** The data that the first program of a chain reads, and what stands for them in its arguments. */
function chooseData(
  findings: Findings,
  pieces: readonly Piece[],
  answer: string | null,
  isCut: boolean,
): { data: DataChoice; bindings: Binding[] } {
  const { view, tables } = findings;
  const isThere = (path: string) => view.files.some((file) => within(file, path));
  const isSample = (file: string) => TABLE_FILE.test(file) || SAMPLE_FILE.test(file);
  const isData = (path: string) =>
    TABLE_FILE.test(path) || (!/\.\w+$/.test(path) && view.files.some((file) => within(file, path) && isSample(file)));
  const [first] = pieces;
  const made = pieces.flatMap((piece) => writtenBy(piece, findings));
  const read = pieces.flatMap((piece) =>
    readBy(piece, findings)
      .filter((path) => path !== '' && !made.some((other) => within(path, other) || within(other, path)))
      .map((path) => ({ path, by: piece.program.path })),
  );
  const there = read.filter(({ path }) => isData(path) && isThere(path));
  const absent = read.filter(({ path }) => TABLE_FILE.test(path) && !isThere(path));
  const choice = (path: string | null, why: string, candidates: string[] = []) => {
    const others = absent.flatMap((one) => (one.by === first?.program.path ? [one.path] : []));
    const stand = path === null ? [] : [path, ...others];
    return { data: { path, why, candidates }, bindings: stand.map((one): Binding => [one, placeholder('data')]) };
  };
  const [missing] = absent.filter(({ path }) => !path.includes('://'));
  const urls = absent
    .filter(({ path }) => path.includes('://'))
    .map(({ path, by }) => `${by} reads ${path} by default, which is no file. `)
    .join('');
  if (answer !== null) return choice(answer, 'As was answered.');
  if (there[0]) {
    const all = new Set(there.map(({ path }) => path));
    const [folder = '', ...others] = new Set([...all].map((path) => posix.dirname(path)));
    const isFolder = all.size > 1 && others.length === 0 && folder !== '.';
    const { path, by } = there[0];
    return isFolder ? choice(folder, `${by} reads what is in it.`) : choice(path, `${by} reads it.`);
  }
  // What comes before is not known whole: then the only table need not be what is read.
  const isDeclared = absent.some(({ path }) => first?.run?.words.some((word) => path.endsWith(word)));
  if (tables.length === 1 && tables[0] && !(isCut && isDeclared))
    return choice(tables[0], `${urls}The only table of the project.`);
  if (missing) {
    const fetched = view.files.includes(`${missing.path}.dvc`) ? ': "dvc pull" fetches it' : '';
    return choice(missing.path, `${missing.by} reads it; it is not there now${fetched}.`);
  }
  if (tables.length > 1) return choice(null, `${urls}Which one it is could not be told.`, tables);
  if (!first || pieces.some(({ program, run }) => wantsInput(program, run, view)))
    return choice(null, `${urls}No data was found in the project: name the file or folder that a run starts from.`);
  const [own] = pieces.flatMap(({ program, run }) => configsOf(program, run, view));
  const source = view.files.filter((file) => first.program.path.startsWith(file)).at(-1);
  const why = `No data was found: ${first.program.path} makes or fetches its own. This file stands for them, so that a run has something to start from.`;
  return { data: { path: own ?? source ?? null, why, candidates: [] }, bindings: [] };
}

/** What the project's own search asks for, and where. */
function searched({ programs }: Findings) {
  return withRole(programs, 'search').flatMap(({ path, facts }) =>
    facts.suggestions.map((suggestion) => ({ suggestion, where: path })),
  );
}

/** A command as it finds the project's Python: outside of an environment there is often no program called python. */
export function started(words: readonly string[], { environment }: Findings): string[] {
  if (environment.launcher) return [...environment.launcher, ...words];
  return words.map((word, index) => (index === 0 && word === 'python' && environment.venv === null ? 'python3' : word));
}

/** What our gate calls the metric: it knows test_auc without a rule. */
export const gateName = ({ name }: Metric) => (isAuc(name) ? 'test_auc' : name.replaceAll('.', '_'));
