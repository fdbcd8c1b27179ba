import { untaken } from './answers.ts';
import { type Entry, listing, render, section, setting } from './entries.ts';
import { isValidation } from './hyperparameters.ts';
import { withRole } from './programs.ts';
import { gateName, type Proposal, type StepProposal } from './proposal.ts';
import { deploymentSections } from './serving.ts';
import { extraSection, stepsSection } from './steps.ts';
import { tableSettings } from './table.ts';
import { monitoringSection, schedulesSection, strangeClocks } from './takeover.ts';
import { type FoundValue, strangeAddress } from './tracking.ts';

const HEADER = `# How MediWatch runs this project, which stays as it is. Written by "mediwatch init" from what it found.
# A line that begins with "#" is not in force; FILL_IN stands for what could not be found.
# "mediwatch check" says whether it is right, and what a retrain would run.
`;

/** The text of `mediwatch.yaml`. */
export function settingsFile(proposal: Proposal): string {
  const sections = [
    ...trackingSections(proposal),
    dataSection(proposal),
    stepsSection(proposal),
    extraSection(proposal),
    searchSection(proposal),
    promotionSection(proposal),
    ...deploymentSections(proposal),
    monitoringSection(proposal),
    schedulesSection(proposal),
  ];
  return `${[HEADER.trimEnd(), ...render(sections), ...remarks(proposal)].join('\n')}\n`;
}

/** What was found and has no setting. */
function remarks(proposal: Proposal): string[] {
  const { findings } = proposal;
  const { programs, dags } = findings;
  const used = [
    proposal.prepare,
    proposal.search,
    proposal.train,
    ...proposal.before,
    ...proposal.between,
    ...proposal.after,
  ];
  const paths = used.map((step) => step?.program.path);
  const own = findings.pipelines.find(({ runs }) => runs.some(({ script }) => script === proposal.train?.program.path));
  const lines = [
    ...programs.flatMap(({ path, harm }) => (harm === null ? [] : [`${path} is no step, as ${harm}.`])),
    ...withRole(programs, 'promote').map(({ path }) => `${path}: "mediwatch promote" does this now, after the gate.`),
    ...withRole(programs, 'baseline')
      .filter(({ path }) => !paths.includes(path))
      .map(({ path }) => `${path}: a baseline; put it into steps.train to train it.`),
    ...withRole(programs, 'prepare')
      .filter(({ path }) => !paths.includes(path))
      .map(({ path }) => `${path} writes files that the training is not seen to read; it could be steps.prepare.`),
    ...proposal.left.map(
      ({ where, words }) =>
        `${where}: ${words.join(' ').slice(0, 200)}. It is none of the project's programs; name it in extraSteps if it is needed.`,
    ),
    ...dags.flatMap((dag) =>
      dag.strange.map(({ id, what }) => `${dag.path}, task ${id}: ${what}. It is not taken over.`),
    ),
    ...dags
      .filter(({ testing }) => testing !== null)
      .map(({ where, testing }) => `${where} is left out, as ${testing}.`),
    ...dags
      .filter((dag) => dag.testing === null && dag !== own)
      .map(({ where }) => `${where}: its tasks are not taken over here.`),
    ...strangeClocks(findings),
    ...searchMismatch(proposal),
    ...findings.unread.slice(0, 20).map((what) => `Not read: ${what}.`),
  ];
  return lines.length === 0 ? [] : ['', '# Also found:', ...lines.map((line) => `# - ${line.replace(/\s+/g, ' ')}`)];
}

/** Parameters of the project's own search that the training has no argument for would be found and not used. */
function searchMismatch({ findings, train }: Proposal): string[] {
  return withRole(findings.programs, 'search').flatMap((search) => {
    const unknown = train ? untaken(search, train.program) : [];
    if (!train || unknown.length === 0) return [];
    const takes = train.program.options.map(({ dest }) => dest);
    const has = takes.length > 0 ? `it takes ${takes.join(', ')}` : 'it takes none by name';
    return [
      `${search.path} searches ${unknown.join(', ')}, which ${train.program.path} does not take (${has}): what is found does not reach the training.`,
    ];
  });
}

function trackingSections({ findings, answers, train }: Proposal): Array<Entry | null> {
  const { tracking, name } = findings;
  const model = tracking.registeredModels.find(({ value }) => value === answers.registeredModel);
  const first = [...tracking.experiments].sort(
    (one, other) => Number(other.where === train?.program.path) - Number(one.where === train?.program.path),
  )[0];
  const option = train?.program.options.find(({ dest }) => /^(mlflow_)?experiment(_name)?$/.test(dest))?.default;
  const experiment = first?.value ?? (typeof option === 'string' && option !== '' ? option : name);
  const remote = tracking.uris.find(({ value }) => strangeAddress(value) === null);
  const [other] = tracking.uris;
  const strange = other && strangeAddress(other.value);
  return [
    section(
      'registry',
      [
        setting(
          'registeredModel',
          answers.registeredModel,
          model ? `Found in ${model.where}.` : 'Chosen: no name was found in the project.',
        ),
      ],
      'The model in the registry of MLflow.',
    ),
    section(
      'mlflow',
      [
        setting(
          'experiment',
          experiment,
          experiment !== name
            ? `As ${first?.where ?? train?.program.path} sets it.`
            : 'Scripts that set an experiment of their own must set this one.',
        ),
        remote
          ? setting('uri', remote.value, remoteComment(remote))
          : setting(
              'uri',
              'http://mlflow.example.org:5000',
              `${other ? `${other.where} uses ${other.value}: ${strange}. ` : ''}Without this, "npm start" runs MLflow itself. The steps get its address in MLFLOW_TRACKING_URI.`,
              { off: true },
            ),
      ],
      'Where runs, models and versions are kept.',
    ),
  ];
}

function remoteComment({ where, hadLogin }: FoundValue): string {
  return hadLogin
    ? `Found in ${where}; its user and password are left out here: they belong in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.`
    : `Found in ${where}. A password belongs into MLFLOW_TRACKING_PASSWORD.`;
}

function dataSection({ data, prepare, train, findings: { table } }: Proposal): Entry | null {
  const { path, candidates, why } = data;
  const named = candidates.length > 0 ? ` Candidates: ${candidates.slice(0, 10).join(', ')}.` : '';
  return section(
    'data',
    [
      path === null ? setting('path', 'FILL_IN', why + named) : setting('path', path, why),
      ...(table ? tableSettings(table) : []),
      seedSetting([prepare, train]),
    ],
    table
      ? 'The table that the bundled steps learn from.'
      : prepare
        ? 'What the data is prepared from.'
        : 'What is trained on.',
  );
}

function seedSetting(steps: ReadonlyArray<StepProposal | null>): Entry | null {
  const [step] = steps.filter((each) => each?.seed !== undefined);
  return step ? setting('seed', step.seed, `As ${step.run?.where ?? step.program.path} has it.`) : null;
}

/** What search.trials takes. */
const MOST_TRIALS = 10_000;

function searchSection({ findings, answers, parameters, metric, search, train, scores }: Proposal): Entry | null {
  if (findings.table) return null;
  const wanted = search?.program.options.find(({ dest }) => /^(n_?|num_|max_)?trials$/.test(dest))?.default;
  const isKnown = typeof wanted === 'number' && wanted > 0;
  const trials = answers.search === 'none' ? 0 : isKnown ? Math.min(wanted, MOST_TRIALS) : 20;
  const none =
    train === null
      ? 'There is nothing to search over yet.'
      : noSearch(parameters.length, scores?.metric?.name, answers.metric);
  const why = trials === 0 ? none : isKnown ? `The default of ${search?.program.path}.` : '';
  if (trials === 0) return section('search', [setting('trials', 0, why)]);
  const space = section(
    'space',
    parameters.map(({ option, dimension, reason }) =>
      setting(option.dest, dimension, `${reason[0]?.toUpperCase()}${reason.slice(1)}.`),
    ),
    answers.search === 'own'
      ? 'For a search of ours in place of the program: give steps.trial a command, and take away steps.search.'
      : 'What is searched. Ranges that are guesses should be looked at.',
    { off: answers.search === 'own' },
  );
  const score = metric
    ? [
        setting('metric', metric.name, 'What an MLflow run of a trial calls its score.'),
        setting('direction', metric.direction),
      ]
    : [setting('metric', 'FILL_IN', 'What an MLflow run of a trial calls its score: none was found in the sources.')];
  return section('search', [setting('trials', trials, why), ...score, space]);
}

function noSearch(parameters: number, score: string | undefined, metric: string | null): string {
  if (parameters === 0) return 'No search: the training takes no parameters that could be searched.';
  if (score === undefined) return 'No search: no metric was found that could decide it.';
  if (metric === null && isValidation(score))
    return `No search: ${score} is not logged to MLflow, where a trial has its score.`;
  return isValidation(score)
    ? 'No search, as was answered.'
    : `No search: ${score} is the only score, and a search that it decides would fit the rows that the gate compares by.`;
}

function promotionSection({ scores, findings: { table } }: Proposal): Entry | null {
  const metric = scores?.metric;
  if (table || !metric || gateName(metric) === 'test_auc') return null;
  const rule = [
    setting('metric', gateName(metric)),
    setting('direction', metric.direction === 'minimize' ? 'lower' : 'higher'),
    setting('maxLoss', 0),
  ];
  return section(
    'promotion',
    [listing('rules', [rule], 'A new version may be no worse by this metric of the training.')],
    'When a new version may replace the one in Production.',
  );
}
