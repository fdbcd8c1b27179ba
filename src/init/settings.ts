import { untaken } from './answers.ts';
import { inLine, render, type Section, type Setting, said } from './entries.ts';
import { isValidation } from './hyperparameters.ts';
import { type Role, withRole } from './programs.ts';
import { gateName, type Proposal } from './proposal.ts';
import { deploymentSections } from './serving.ts';
import { extraSteps, stepsSection } from './steps.ts';
import { tableSettings } from './table.ts';
import { monitoringSection, schedulesSection, strangeClocks } from './takeover.ts';
import { strangeAddress } from './tracking.ts';

const HEADER = `# How MediWatch runs this project, which stays as it is. Written by "mediwatch init" from what it found.
# A line that begins with "#" is not in force; FILL_IN stands for what could not be found.
# "mediwatch check" says whether it is right, and what a retrain would run.`;

/** The text of `mediwatch.yaml`. */
export function settingsFile(proposal: Proposal): string {
  const settings = {
    ...trackingSections(proposal),
    data: dataSection(proposal),
    steps: stepsSection(proposal),
    extraSteps: extraSteps(proposal),
    search: searchSection(proposal),
    promotion: promotionSection(proposal),
    ...deploymentSections(proposal),
    monitoring: monitoringSection(proposal),
    schedules: schedulesSection(proposal),
  };
  return `${[HEADER, ...render(settings), ...remarks(proposal)].join('\n')}\n`;
}

/** What was found and has no setting. */
function remarks({ findings, prepare, search, train, before, between, after, left }: Proposal): string[] {
  const { programs, dags, pipelines, unread } = findings;
  const used = [prepare, search, train, ...before, ...between, ...after].map((step) => step?.program.path);
  const done = pipelines.find(({ runs }) => runs.some(({ script }) => script === train?.program.path));
  const unused = (role: Role) => withRole(programs, role).flatMap(({ path }) => (used.includes(path) ? [] : [path]));
  const lines = [
    ...programs.flatMap(({ path, harm }) => (harm === null ? [] : [`${path} is no step, as ${harm}.`])),
    ...withRole(programs, 'promote').map(({ path }) => `${path}: "mediwatch promote" does this now, after the gate.`),
    ...unused('baseline').map((path) => `${path}: a baseline; put it into steps.train to train it.`),
    ...unused('prepare').map(
      (path) => `${path} writes files that the training is not seen to read; it could be steps.prepare.`,
    ),
    ...left.map(
      ({ where, words }) =>
        `${where}: ${words.join(' ').slice(0, 200)}. It is none of the project's programs; name it in extraSteps if it is needed.`,
    ),
    ...dags.flatMap(({ path, strange }) =>
      strange.map(({ id, what }) => `${path}, task ${id}: ${what}. It is not taken over.`),
    ),
    ...dags.flatMap(({ where, testing }) => (testing === null ? [] : [`${where} is left out, as ${testing}.`])),
    ...dags.flatMap((dag) =>
      dag.testing !== null || dag === done ? [] : [`${dag.where}: its tasks are not taken over here.`],
    ),
    ...strangeClocks(findings),
    // What a search finds and the training has no argument for would not be used.
    ...withRole(programs, 'search').flatMap((own) => {
      const unknown = train ? untaken(own, train.program) : [];
      const takes = train?.program.options.map(({ dest }) => dest).join(', ');
      const has = takes ? `it takes ${takes}` : 'it takes none by name';
      if (unknown.length === 0) return [];
      return `${own.path} searches ${unknown.join(', ')}, which ${train?.program.path} does not take (${has}): what is found does not reach the training.`;
    }),
    ...unread.slice(0, 20).map((what) => `Not read: ${what}.`),
  ];
  return lines.length === 0 ? [] : ['', '# Also found:', ...lines.map((line) => `# - ${line.replace(/\s+/g, ' ')}`)];
}

function trackingSections({ findings: { tracking, name }, answers, train }: Proposal): Section {
  const { registeredModels, experiments, uris } = tracking;
  const model = registeredModels.find(({ value }) => value === answers.registeredModel);
  const path = train?.program.path;
  const first = experiments.find(({ where }) => where === path) ?? experiments[0];
  const option = train?.program.options.find(({ dest }) => /^(mlflow_)?experiment(_name)?$/.test(dest))?.default;
  const experiment = first?.value ?? (typeof option === 'string' && option !== '' ? option : name);
  const remote = uris.find(({ value }) => strangeAddress(value) === null);
  const [other] = uris;
  const login = remote?.hadLogin
    ? '; its user and password are left out here: they belong in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.'
    : '. A password belongs into MLFLOW_TRACKING_PASSWORD.';
  const local = `${other ? `${other.where} uses ${other.value}: ${strangeAddress(other.value)}. ` : ''}Without this, "npm start" runs MLflow itself. The steps get its address in MLFLOW_TRACKING_URI.`;
  const registeredModel = said(
    answers.registeredModel,
    model ? `Found in ${model.where}.` : 'Chosen: no name was found in the project.',
  );
  const why =
    experiment === name
      ? 'Scripts that set an experiment of their own must set this one.'
      : `As ${first?.where ?? path} sets it.`;
  return {
    registry: said({ registeredModel }, 'The model in the registry of MLflow.'),
    mlflow: said(
      {
        experiment: said(experiment, why),
        uri: remote
          ? said(remote.value, `Found in ${remote.where}${login}`)
          : said('http://mlflow.example.org:5000', local, true),
      },
      'Where runs, models and versions are kept.',
    ),
  };
}

function dataSection({ data: { path, candidates, why }, prepare, train, findings: { table } }: Proposal): Setting {
  const named = candidates.length > 0 ? ` Candidates: ${candidates.slice(0, 10).join(', ')}.` : '';
  const seeded = [prepare, train].find((step) => step?.seed !== undefined);
  const about = prepare ? 'What the data is prepared from.' : 'What is trained on.';
  return said(
    {
      path: said(path ?? 'FILL_IN', path === null ? why + named : why),
      ...(table ? tableSettings(table) : {}),
      seed: said(seeded?.seed, `As ${seeded?.run?.where ?? seeded?.program.path} has it.`),
    },
    table ? 'The table that the bundled steps learn from.' : about,
  );
}

/** What search.trials takes. */
const MOST_TRIALS = 10_000;

function searchSection(proposal: Proposal): Setting | undefined {
  const { findings, answers, parameters, metric, search, train } = proposal;
  if (findings.table) return undefined;
  const wanted = search?.program.options.find(({ dest }) => /^(n_?|num_|max_)?trials$/.test(dest))?.default;
  const isKnown = typeof wanted === 'number' && wanted > 0;
  if (answers.search === 'none')
    return { trials: said(0, train === null ? 'There is nothing to search over yet.' : noSearch(proposal)) };
  const ranges = parameters.map(({ option, dimension, reason }) => [
    option.dest,
    said(inLine(dimension), `${reason[0]?.toUpperCase()}${reason.slice(1)}.`),
  ]);
  const isOwn = answers.search === 'own';
  const instead =
    'For a search of ours in place of the program: give steps.trial a command, and take away steps.search.';
  const score = 'What an MLflow run of a trial calls its score';
  return {
    trials: said(
      isKnown ? Math.min(wanted, MOST_TRIALS) : 20,
      isKnown ? `The default of ${search?.program.path}.` : '',
    ),
    metric: metric ? said(metric.name, `${score}.`) : said('FILL_IN', `${score}: none was found in the sources.`),
    direction: metric?.direction,
    space: said(
      Object.fromEntries(ranges),
      isOwn ? instead : 'What is searched. Ranges that are guesses should be looked at.',
      isOwn,
    ),
  };
}

function noSearch({ parameters, scores, answers: { metric } }: Proposal): string {
  const score = scores?.metric?.name;
  if (parameters.length === 0) return 'No search: the training takes no parameters that could be searched.';
  if (score === undefined) return 'No search: no metric was found that could decide it.';
  if (!isValidation(score))
    return `No search: ${score} is the only score, and a search that it decides would fit the rows that the gate compares by.`;
  return metric === null
    ? `No search: ${score} is not logged to MLflow, where a trial has its score.`
    : 'No search, as was answered.';
}

function promotionSection({ scores, findings: { table } }: Proposal): Setting | undefined {
  const metric = scores?.metric;
  if (table || !metric || gateName(metric) === 'test_auc') return undefined;
  const direction = metric.direction === 'minimize' ? 'lower' : 'higher';
  const about = 'A new version may be no worse by this metric of the training.';
  return said(
    { rules: said([{ metric: gateName(metric), direction, maxLoss: 0 }], about) },
    'When a new version may replace the one in Production.',
  );
}
