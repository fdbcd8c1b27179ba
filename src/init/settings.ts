import { type Entry, listing, render, section, setting } from './entries.ts';
import { gateName, type Proposal, type StepProposal } from './proposal.ts';
import { withRole } from './scripts.ts';
import { deploymentSections } from './serving.ts';
import { stepsSection } from './steps.ts';
import { extraSection, extraTasks, monitoringSection, schedulesSection, strangeClocks } from './takeover.ts';
import type { FoundValue } from './tracking.ts';

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
  const lines = [
    ...withRole(findings.scripts, 'promote').map(
      ({ path }) => `${path}: "mediwatch promote" does this now, after the gate.`,
    ),
    ...withRole(findings.scripts, 'baseline')
      .filter(({ path }) => path !== proposal.train?.script.path)
      .map(({ path }) => `${path}: a baseline; put it into steps.train to train it.`),
    ...extraTasks(findings)
      .filter(({ command }) => command === null)
      .map(({ where, what }) => `${where}: ${what}. Make a command of it, and name it in extraSteps or in steps.`),
    ...strangeClocks(findings).map(
      ({ where, cron }) => `${where} starts at ${JSON.stringify(cron)}, which is no cron expression: see schedules.`,
    ),
    ...findings.dags.slice(1).map(({ id, path }) => `The DAG ${id} (${path}): its tasks are not taken over here.`),
    ...findings.unread.slice(0, 20).map((what) => `Not read: ${what}.`),
  ];
  return lines.length === 0 ? [] : ['', '# Also found:', ...lines.map((line) => `# - ${line.replace(/\s+/g, ' ')}`)];
}

function trackingSections({ findings, answers, train }: Proposal): Array<Entry | null> {
  const { tracking, name } = findings;
  const model = tracking.registeredModels.find(({ value }) => value === answers.registeredModel);
  const first = [...tracking.experiments].sort(
    (one, other) => Number(other.where === train?.script.path) - Number(one.where === train?.script.path),
  )[0];
  const remote = tracking.uris.find(
    ({ value }) => /^https?:/.test(value) && !/localhost|127\.0\.0\.1|\/\/(mlflow|tracking)[:/]/.test(value),
  );
  const [other] = tracking.uris;
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
          first?.value ?? name,
          first ? `As ${first.where} sets it.` : 'Scripts that set an experiment of their own must set this one.',
        ),
        remote
          ? setting('uri', remote.value, remoteComment(remote))
          : setting(
              'uri',
              'http://mlflow.example.org:5000',
              `${other ? `${other.where} uses ${other.value}. ` : ''}Without this, "npm start" runs MLflow itself. The steps get its address in MLFLOW_TRACKING_URI.`,
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

function dataSection({ findings, prepare, train }: Proposal): Entry | null {
  const { data } = findings;
  const missing = 'No data was found in the project: name the file or folder that a run starts from.';
  return section(
    'data',
    [
      data
        ? setting('path', data.path, dataComment(data))
        : setting('path', 'data/FILL_IN.csv', missing, { off: true }),
      seedSetting([prepare, train]),
    ],
    prepare ? 'What the data is prepared from.' : 'What is trained on.',
  );
}

function dataComment({ reader, there }: NonNullable<Proposal['findings']['data']>): string {
  if (reader === null) return 'The largest data file of the project.';
  return there ? `${reader} reads it.` : `${reader} reads it by default; it is not there now.`;
}

function seedSetting(steps: ReadonlyArray<StepProposal | null>): Entry | null {
  const [step] = steps.filter((each) => each?.seed !== undefined);
  return step ? setting('seed', step.seed, `As ${step.task?.where ?? step.script.path} has it.`) : null;
}

/** What search.trials takes. */
const MOST_TRIALS = 10_000;

function searchSection({ findings, answers, parameters, metric, search }: Proposal): Entry | null {
  const space = section(
    'space',
    parameters.map(({ option, dimension, reason }) =>
      setting(option.dest, dimension, `${reason[0]?.toUpperCase()}${reason.slice(1)}.`),
    ),
    answers.search === 'own'
      ? 'For a search of ours in place of the script: give steps.trial a command, and take away steps.search.'
      : 'What is searched. Ranges that are guesses should be looked at.',
    { off: answers.search !== 'trials' },
  );
  const score = metric
    ? [
        setting('metric', metric.name, 'What an MLflow run of a trial calls its score.'),
        setting('direction', metric.direction),
      ]
    : [
        setting('metric', 'FILL_IN', 'What an MLflow run of a trial calls its score: none was found in the scripts.', {
          off: true,
        }),
      ];
  const wanted = search?.script.options.find(({ dest }) => /^(n_?|num_|max_)?trials$/.test(dest))?.default;
  const trials =
    answers.search === 'none' ? 0 : typeof wanted === 'number' && wanted > 0 ? Math.min(wanted, MOST_TRIALS) : 20;
  const why =
    trials === 0
      ? noSearch(findings.scripts.length, parameters.length, metric !== null)
      : typeof wanted === 'number'
        ? `The default of ${search?.script.path}.`
        : '';
  return section('search', [setting('trials', trials, why), ...score, space]);
}

function noSearch(scripts: number, parameters: number, hasMetric: boolean): string {
  if (scripts === 0) return 'No search: there is nothing to search over yet.';
  if (parameters === 0) return 'No search: the training takes no parameters that could be searched.';
  return hasMetric
    ? 'No search, as was answered.'
    : 'No search: no metric was found that could decide it. Name one below, give steps.trial a command, and raise this.';
}

function promotionSection({ gate }: Proposal): Entry | null {
  const metric = gate && gateName(gate);
  if (!gate || metric === 'test_auc') {
    return section(
      'promotion',
      [setting('maxAucLoss', 0.005, 'A new version may lose this much test AUC.')],
      'When a new version may replace the one in Production.',
    );
  }
  const rule = [
    setting('metric', metric),
    setting('direction', gate.direction === 'minimize' ? 'lower' : 'higher'),
    setting('maxLoss', 0),
  ];
  return section(
    'promotion',
    [listing('rules', [rule], 'A new version may be no worse by this metric, which the training logs.')],
    'When a new version may replace the one in Production.',
  );
}
