import { STAGES } from '../contracts/names.ts';
import { trainCandidates } from './answers.ts';
import { type Entry, listing, section, setting } from './entries.ts';
import { doesTrain } from './programs.ts';
import { gateName, located, type Proposal, type StepProposal, started } from './proposal.ts';
import { ownEnd } from './shell.ts';
import type { Doing } from './sources.ts';
import type { ProjectView } from './view.ts';

/** The section `steps`. */
export function stepsSection(proposal: Proposal): Entry | null {
  const { search, train, monitor, findings } = proposal;
  const environment = train || search || monitor ? venvComment(findings) : '';
  return section(
    'steps',
    [
      prepareStep(proposal),
      search &&
        step(
          proposal,
          'search',
          search,
          'One command does the whole search; the runs that it opens are shown as its trials.',
        ),
      trialStep(proposal),
      ...(train ? [trainStep(proposal, train)] : noTraining(proposal)),
      monitor &&
        step(proposal, 'monitor', monitor, 'The drift report over the prediction log.', [
          section('outputs', [reportFile(monitor)]),
        ]),
    ],
    `What is done by commands of this project. A command is program and arguments, without a shell; words in braces are filled in.\n${environment}`,
  );
}

function trialStep(proposal: Proposal): Entry | null {
  const { trial, answers } = proposal;
  const about = 'One trial of our search: the training with other parameters, registering nothing.';
  const entry = trial && step(proposal, 'trial', trial, about);
  if (!entry || answers.search === 'trials') return entry;
  const instead = answers.search === 'own' ? 'In place of the step search' : 'For a search (search.trials)';
  return { ...entry, comment: `${instead}: trials that survive a crash and run in parallel. ${about}`, off: true };
}

function prepareStep(proposal: Proposal): Entry | null {
  const { prepare, train, before } = proposal;
  if (!prepare) {
    if (!train) return null;
    const why =
      before.length > 0
        ? 'What prepares the data is in extraSteps: it writes into the project, where the training reads.'
        : 'No program was found that prepares what the training reads: it is read as it is.';
    return section('prepare', [setting('skip', true)], why);
  }
  const place =
    prepare.directory === null ? null : setting('directory', prepare.directory, 'Where it writes in the project.');
  return step(proposal, 'prepare', prepare, 'Prepares the data.', [section('outputs', [place])]);
}

/** Whether a command still writes a file where it is declared to: an argument that names it elsewhere keeps its name. */
const isLeft = (path: string, command: readonly string[]) =>
  !command.some((word) => word.includes(`{output}/${path.split('/').at(-1)}`));

type Train = NonNullable<Proposal['train']>;

function trainStep(proposal: Proposal, train: Train): Entry | null {
  const { findings } = proposal;
  const { parts, modelFile, isKept } = train;
  const [model] = train.program.facts.loggedModels;
  const where =
    model !== undefined
      ? model === 'model'
        ? null
        : setting('model', model, 'Name under which it logs the model.')
      : modelFile
        ? setting('modelFile', modelFile, 'It logs no model to MLflow: this file becomes the version.')
        : !isKept
          ? setting(
              'modelFile',
              'FILL_IN',
              'It logs no model to MLflow, and no file was found that holds one. The file that it writes becomes the version.',
            )
          : null;
  const kept = [train, ...parts].flatMap(({ run, command }) =>
    (run?.outs ?? []).filter((path) => findings.view.tracked.has(path) && isLeft(path, command)),
  );
  const whole = parts.length === 0 ? train : { ...train, command: inShell([train, ...parts], proposal) };
  return step(proposal, 'train', whole, trainComment(proposal), [
    kept.length > 0
      ? setting('isolate', 'copy', `It writes ${kept.join(', ')}, which git tracks: it gets a copy of the project.`)
      : null,
    section('outputs', [...scoreSettings(proposal), where]),
  ]);
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
function scoreSettings({ scores }: Proposal): Array<Entry | null> {
  if (scores === null) {
    const missing = 'What its MLflow run calls the score that decides about a promotion. None was found in its source.';
    return [setting('metrics', { test_auc: 'FILL_IN' }, missing)];
  }
  if (scores.from === 'output')
    return [setting('pattern', scores.pattern, 'It prints its score, and writes it nowhere else.')];
  const { metric } = scores;
  if (metric === null && scores.from === 'file') {
    const unknown = 'Ours: what the file calls the score that decides about a promotion.';
    return [
      setting('file', scores.file, 'JSON file with its metrics.'),
      setting('metrics', { test_auc: 'FILL_IN' }, unknown),
    ];
  }
  const isRenamed = metric !== null && gateName(metric) !== metric.name;
  return [
    scores.from === 'file' ? setting('file', scores.file, 'JSON file with its metrics.') : null,
    metric && isRenamed
      ? setting('metrics', { [gateName(metric)]: metric.name }, 'Ours: what the program calls it.')
      : null,
  ];
}

function reportFile({ program, place }: StepProposal): Entry {
  const { writes, scores } = program.facts;
  const file = [...writes, ...Object.keys(scores)]
    .map((path) => located(path, place))
    .find((path) => path?.endsWith('.json'));
  return file
    ? setting('file', file, 'The report, of any version of Evidently.')
    : setting('file', '{output}/FILL_IN.json', 'The report as JSON: where the program writes it.');
}

function trainComment({ findings, train }: Proposal): string {
  const other = trainCandidates(findings).flatMap(({ path }) => (path === train?.program.path ? [] : [path]));
  const also = other.length === 0 ? '' : ` It could also be ${other.join(' or ')}.`;
  const scored = train?.parts.map(({ program }) => program.path) ?? [];
  return `Trains, and makes the new version.${scored.length > 0 ? ` ${scored.join(' and ')} scores it.` : ''}${also}`;
}

function noTraining({ findings }: Proposal): Array<Entry | null> {
  if (findings.table) return [];
  const candidates = trainCandidates(findings).map(({ path }) => path);
  const off = findings.programs.length === 0;
  const refused = findings.programs.find(({ path, facts, harm }) => harm !== null && doesTrain(path, facts));
  return [
    off
      ? null
      : section('prepare', [setting('skip', true)], 'What prepares the data could not be told without the training.'),
    section(
      'train',
      [setting('command', ['python3', 'FILL_IN'])],
      candidates.length > 0
        ? `Which program trains could not be told: ${candidates.join(' or ')}. Put it here, with its arguments.`
        : refused
          ? `${refused.path} trains, and is no step, as ${refused.harm}. Say here how a training is started that does not.`
          : 'No program was found that trains. Say here how it is started.',
      { off },
    ),
  ];
}

/** A step with what all steps have: its environment, and how often and how long it is tried. */
function step(
  proposal: Proposal,
  name: string,
  made: StepProposal,
  about: string,
  more: Array<Entry | null> = [],
): Entry | null {
  const { run } = made;
  return section(
    name,
    [
      setting('command', made.command, made.notes.join('\n')),
      ...surroundings(proposal, made),
      ...trying(made),
      ...more,
    ],
    [about, evidence(made), run ? `As ${run.where} runs it.` : ''].filter(Boolean).join('\n'),
  );
}

function surroundings(
  { findings: { environment, services, dockerfiles, view } }: Proposal,
  { program, run, cwd }: StepProposal,
): Array<Entry | null> {
  const set = Object.assign(
    {},
    ...dockerfiles.map(({ env }) => env),
    ...services.map(({ env }) => env),
    run?.env,
  ) as Record<string, string>;
  const wanted = Object.entries(program.facts.environment).filter(([name, value]) => !value && !GIVEN.test(name));
  const isOpen = (name: string) =>
    set[name] !== undefined && !/[$\u27e8]|docker\.internal/.test(set[name]) && !SECRET.test(name);
  const known = Object.fromEntries([
    ...elsewhere(program.facts.environment, view),
    ...[...wanted.map(([name]) => name).filter(isOpen), ...Object.keys(run?.env ?? {})].map((name) => [
      name,
      set[name] ?? '',
    ]),
  ]);
  const passed = wanted.map(([name]) => name).filter((name) => known[name] === undefined);
  return [
    cwd ? setting('cwd', cwd) : null,
    environment.venv
      ? setting('venv', environment.venv)
      : environment.launcher
        ? null
        : setting('venv', environment.usual, '', { off: true }),
    Object.keys(known).length > 0 ? setting('env', known) : null,
    passed.length > 0
      ? setting(
          'passEnv',
          passed,
          'It reads these variables, and the project sets them nowhere: the worker must have them.',
        )
      : null,
  ];
}

/** Variables whose default is a path of another machine that the project has too, with where it has it. */
function elsewhere(variables: Doing['environment'], view: ProjectView): Array<[string, string]> {
  return Object.entries(variables).flatMap(([name, value]) => {
    const end = value?.startsWith('/') ? ownEnd(value, view) : undefined;
    return end === undefined ? [] : [[name, `{project}/${end}`]];
  });
}

const SECRET = /KEY|TOKEN|PASSWORD|SECRET|CREDENTIAL/i;
/** What every step gets. */
const GIVEN = /^(MLFLOW_|MEDIWATCH_|PYTHON|CUDA_|OMP_|XDG_)|^(PATH|HOME|USER|LANG|TZ|TMPDIR|PWD)$/;

function trying({ run }: StepProposal): Array<Entry | null> {
  if (!run) return [];
  const { retries, retryDelay, timeout } = run;
  return [
    retries === null
      ? null
      : setting('attempts', Math.min(100, Math.max(1, Math.round(retries) + 1)), 'The first try counts as well.'),
    retryDelay ? setting('backoff', retryDelay) : null,
    timeout ? setting('timeout', timeout) : null,
  ];
}

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
export function extraSection(proposal: Proposal): Entry | null {
  const taken: string[] = [...STAGES];
  const items = [
    ...proposal.before.map((made) => [made, 'before', 'prepareData'] as const),
    ...proposal.between.map((made) => [made, 'after', 'prepareData'] as const),
    ...proposal.after.map((made) => [made, 'after', 'trainBestAndRegister'] as const),
  ].map(([made, side, stage]) => {
    const name = nameOf(made.run?.name ?? made.program.path, taken);
    taken.push(name);
    const why = `${made.run ? `As ${made.run.where} runs it. ` : ''}${evidence(made)}`;
    return [
      setting('name', name, why),
      setting(side, stage),
      setting('command', made.command, made.notes.join('\n')),
      ...surroundings(proposal, made),
      ...trying(made),
    ];
  });
  return listing('extraSteps', items, 'What the project does besides, in its order.');
}

/** A name as that of an extra step, which must not be that of a stage or of another one. */
function nameOf(id: string, taken: readonly string[]): string {
  const name = id.replace(/[^\w.-]+/g, '-').slice(0, 50);
  if (!taken.includes(name)) return name;
  return nameOf(`${name}-${taken.filter((other) => other.startsWith(name)).length + 1}`, taken);
}
