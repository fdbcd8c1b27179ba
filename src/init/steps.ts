import { STAGES } from '../contracts/names.ts';
import { trainCandidates } from './answers.ts';
import { inLine, type Section, type Setting, said } from './entries.ts';
import { doesTrain } from './programs.ts';
import { gateName, located, type Proposal, type StepProposal, started } from './proposal.ts';
import { ownEnd } from './shell.ts';

/** The section `steps`. */
export function stepsSection(proposal: Proposal): Setting {
  const { search, train, trial, monitor, findings, answers } = proposal;
  const whole = 'One command does the whole search; the runs that it opens are shown as its trials.';
  const ours = 'One trial of our search: the training with other parameters, registering nothing.';
  const instead = answers.search === 'own' ? 'In place of the step search' : 'For a search (search.trials)';
  const isOff = answers.search !== 'trials';
  const about =
    'What is done by commands of this project. A command is program and arguments, without a shell; words in braces are filled in.';
  return said(
    {
      prepare: prepareStep(proposal),
      search: step(proposal, search, whole),
      trial: step(
        proposal,
        trial,
        isOff ? `${instead}: trials that survive a crash and run in parallel. ${ours}` : ours,
        {},
        isOff,
      ),
      train: train ? trainStep(proposal, train) : noTraining(proposal),
      monitor: step(
        proposal,
        monitor,
        'The drift report over the prediction log.',
        monitor ? { file: reportFile(monitor) } : {},
      ),
    },
    `${about}\n${train || search || monitor ? venvComment(findings) : ''}`,
  );
}

function prepareStep(proposal: Proposal): Setting | undefined {
  const { prepare, train, before, findings } = proposal;
  const directory = said(prepare?.directory ?? undefined, 'Where it writes in the project.');
  if (prepare) return step(proposal, prepare, 'Prepares the data.', { directory });
  if (!train && (findings.table || findings.programs.length === 0)) return undefined;
  const why = !train
    ? 'What prepares the data could not be told without the training.'
    : before.length > 0
      ? 'What prepares the data is in extraSteps: it writes into the project, where the training reads.'
      : 'No program was found that prepares what the training reads: it is read as it is.';
  return said({ skip: true }, why);
}

type Train = NonNullable<Proposal['train']>;

function trainStep(proposal: Proposal, train: Train): Setting | undefined {
  const { findings } = proposal;
  const { parts, program } = train;
  // A command still writes a file where it is declared to, unless an argument names it elsewhere under its name.
  const kept = [train, ...parts].flatMap(({ run, command }) =>
    (run?.outs ?? []).filter(
      (path) =>
        findings.view.tracked.has(path) && !command.some((word) => word.includes(`{output}/${path.split('/').at(-1)}`)),
    ),
  );
  const copied = `It writes ${kept.join(', ')}, which git tracks: it gets a copy of the project.`;
  const other = trainCandidates(findings).flatMap(({ path }) => (path === program.path ? [] : [path]));
  const scored = parts.map((part) => part.program.path);
  const about = [
    'Trains, and makes the new version.',
    scored.length > 0 ? `${scored.join(' and ')} scores it.` : '',
    other.length > 0 ? `It could also be ${other.join(' or ')}.` : '',
  ];
  const whole = parts.length === 0 ? train : { ...train, command: inShell([train, ...parts], proposal) };
  const outputs = { ...scoreSettings(proposal), ...modelSettings(train) };
  const isolate = said(kept.length > 0 ? 'copy' : undefined, copied);
  return step(proposal, whole, about.filter(Boolean).join(' '), outputs, false, { isolate });
}

function modelSettings({ program, modelFile, isKept }: Train): Section {
  const [model] = program.facts.loggedModels;
  const none = 'It logs no model to MLflow';
  if (model !== undefined)
    return { model: model === 'model' ? undefined : said(model, 'Name under which it logs the model.') };
  if (modelFile) return { modelFile: said(modelFile, `${none}: this file becomes the version.`) };
  const missing = `${none}, and no file was found that holds one. The file that it writes becomes the version.`;
  return { modelFile: isKept ? undefined : said('FILL_IN', missing) };
}

/** Several programs as one command. */
function inShell(steps: readonly StepProposal[], { findings }: Proposal): string[] {
  const quoted = (word: string) =>
    /[^\w./:=@{},+-]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word.includes('{') ? `"${word}"` : word;
  const lines = steps.map(({ command, cwd }) => {
    const moved = cwd === steps[0]?.cwd ? '' : `cd "{project}/${cwd}" && `;
    return moved + command.map(quoted).join(' ');
  });
  return ['sh', '-c', lines.join(' && ')].map((word) => started([word], findings).at(-1) ?? word);
}

/** Where the score is found; what MLflow already calls as we do needs no line. */
function scoreSettings({ scores }: Proposal): Section {
  const missing = 'What its MLflow run calls the score that decides about a promotion. None was found in its source.';
  if (scores === null) return { metrics: said(inLine({ test_auc: 'FILL_IN' }), missing) };
  if (scores.from === 'output')
    return { pattern: said(scores.pattern, 'It prints its score, and writes it nowhere else.') };
  const { metric } = scores;
  const unknown = 'Ours: what the file calls the score that decides about a promotion.';
  const isRenamed = metric !== null && gateName(metric) !== metric.name;
  return {
    file: said(scores.from === 'file' ? scores.file : undefined, 'JSON file with its metrics.'),
    metrics: metric
      ? said(isRenamed ? inLine({ [gateName(metric)]: metric.name }) : undefined, 'Ours: what the program calls it.')
      : said(inLine({ test_auc: 'FILL_IN' }), unknown),
  };
}

function reportFile({ program: { facts }, place }: StepProposal): Setting {
  const files = [...facts.writes, ...Object.keys(facts.scores)].map((path) => located(path, place));
  const file = files.find((path) => path?.endsWith('.json'));
  return file
    ? said(file, 'The report, of any version of Evidently.')
    : said('{output}/FILL_IN.json', 'The report as JSON: where the program writes it.');
}

function noTraining({ findings: { programs, table }, findings }: Proposal): Setting | undefined {
  const candidates = trainCandidates(findings).map(({ path }) => path);
  const refused = programs.find(({ path, facts, harm }) => harm !== null && doesTrain(path, facts));
  const why =
    candidates.length > 0
      ? `Which program trains could not be told: ${candidates.join(' or ')}. Put it here, with its arguments.`
      : refused
        ? `${refused.path} trains, and is no step, as ${refused.harm}. Say here how a training is started that does not.`
        : 'No program was found that trains. Say here how it is started.';
  return table ? undefined : said({ command: ['python3', 'FILL_IN'] }, why, programs.length === 0);
}

/** A step with what all steps have: its environment, and how often and how long it is tried. */
function step(
  proposal: Proposal,
  made: StepProposal | null,
  about: string,
  outputs: Section = {},
  off = false,
  more: Section = {},
): Setting | undefined {
  if (made === null) return undefined;
  const { run } = made;
  const why = [about, ...(off ? [] : [evidence(made), run ? `As ${run.where} runs it.` : ''])]
    .filter(Boolean)
    .join('\n');
  return said({ ...common(proposal, made), ...more, outputs }, why, off);
}

/** The command, what it needs around it, and how often and how long it is tried. */
function common({ findings: { environment, services, dockerfiles, view } }: Proposal, made: StepProposal): Section {
  const { program, run, cwd, command, notes } = made;
  const read = Object.entries(program.facts.environment);
  const set: Record<string, string> = Object.assign(
    {},
    ...[...dockerfiles, ...services].map(({ env }) => env),
    run?.env,
  );
  const wanted = read.flatMap(([name, value]) => (value || GIVEN.test(name) ? [] : [name]));
  const isOpen = (name: string) =>
    set[name] !== undefined && !/[$\u27e8]|docker\.internal/.test(set[name]) && !SECRET.test(name);
  const known = Object.fromEntries([
    // A default that is a path of another machine, which the project has too.
    ...read.flatMap(([name, value]) => {
      const end = value?.startsWith('/') ? ownEnd(value, view) : undefined;
      return end === undefined ? [] : [[name, `{project}/${end}`]];
    }),
    ...[...wanted.filter(isOpen), ...Object.keys(run?.env ?? {})].map((name) => [name, set[name] ?? '']),
  ]);
  const passed = wanted.filter((name) => known[name] === undefined);
  const unset = 'It reads these variables, and the project sets them nowhere: the worker must have them.';
  const usual = environment.launcher ? undefined : said(environment.usual, '', true);
  const attempts = run?.retries == null ? undefined : Math.min(100, Math.max(1, Math.round(run.retries) + 1));
  return {
    command: said(command, notes.join('\n')),
    cwd: cwd || undefined,
    venv: environment.venv ?? usual,
    env: Object.keys(known).length > 0 ? inLine(known) : undefined,
    passEnv: said(passed.length > 0 ? passed : undefined, unset),
    attempts: said(attempts, 'The first try counts as well.'),
    backoff: run?.retryDelay || undefined,
    timeout: run?.timeout || undefined,
  };
}

const SECRET = /KEY|TOKEN|PASSWORD|SECRET|CREDENTIAL/i;
/** What every step gets. */
const GIVEN = /^(MLFLOW_|MEDIWATCH_|PYTHON|CUDA_|OMP_|XDG_)|^(PATH|HOME|USER|LANG|TZ|TMPDIR|PWD)$/;

/** Where the programs of the steps come from. */
function venvComment({ environment }: Proposal['findings']): string {
  const { python, setUp, venv, isMade, launcher } = environment;
  const wants = python ? ` The project wants Python ${python.wanted} (${python.where}).` : '';
  if (isMade) return `Programs are taken from the virtual environment ${venv} first.${wants}`;
  if (launcher)
    return `"${launcher.join(' ')}" finds the environment of the project${setUp ? `, which "${setUp}" makes` : ''}.${wants}`;
  const how = setUp ? `Make one (${setUp})` : 'Make one in .venv';
  return `No virtual environment was found. ${how}${venv ? '' : ', and put the lines "venv" in force'}.${wants}`;
}

/** Why this program: "scripts/train.py: calls mlflow.sklearn.log_model; takes --lr, --n-estimators". */
function evidence({ program }: StepProposal): string {
  const flags = program.options.map(({ flag, dest }) => flag ?? dest).slice(0, 8);
  const takes = flags.length > 0 ? [`takes ${flags.join(', ')}`] : [];
  return `${program.path}: ${[...program.reasons, ...takes].join('; ') || 'the project runs it'}.`;
}

/** Programs that no stage does, in their place. */
export function extraSteps(proposal: Proposal): Setting | undefined {
  const taken: string[] = [...STAGES];
  const items = [
    ...proposal.before.map((made) => [made, { before: 'prepareData' }] as const),
    ...proposal.between.map((made) => [made, { after: 'prepareData' }] as const),
    ...proposal.after.map((made) => [made, { after: 'trainBestAndRegister' }] as const),
  ].map(([made, at]) => {
    const name = nameOf(made.run?.name ?? made.program.path, taken);
    taken.push(name);
    const why = `${made.run ? `As ${made.run.where} runs it. ` : ''}${evidence(made)}`;
    return { name: said(name, why), ...at, ...common(proposal, made) };
  });
  return said(items.length > 0 ? items : undefined, 'What the project does besides, in its order.');
}

/** A name as that of an extra step, which must not be that of a stage or of another one. */
function nameOf(id: string, taken: readonly string[]): string {
  const name = id.replace(/[^\w.-]+/g, '-').slice(0, 50);
  if (!taken.includes(name)) return name;
  return nameOf(`${name}-${taken.filter((other) => other.startsWith(name)).length + 1}`, taken);
}
