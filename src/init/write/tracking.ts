import type { Found } from '../detect/tracking.ts';
import type { Proposal, StepProposal } from '../propose/plan.ts';
import { type Entry, section, setting } from './entries.ts';

export function trackingSections({ findings, answers, train }: Proposal): Array<Entry | null> {
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

function remoteComment({ where, hadLogin }: Found): string {
  return hadLogin
    ? `Found in ${where}; its user and password are left out here: they belong into MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.`
    : `Found in ${where}. A password belongs into MLFLOW_TRACKING_PASSWORD.`;
}

export function dataSection({ findings, prepare, train }: Proposal): Entry | null {
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
