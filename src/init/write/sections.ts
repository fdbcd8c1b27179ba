import { clocks } from '../propose/clock.ts';
import { extraTasks } from '../propose/extra.ts';
import type { Proposal, StepProposal } from '../propose/plan.ts';
import { gateName } from '../propose/plan.ts';
import { apiCommand, apiImage, hasHealth, missingVariables, possibleChecks } from '../propose/serving.ts';
import { type Entry, listing, section, setting } from './entries.ts';

/** Registered model and MLflow. */
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
          ? setting('uri', remote.value, `Found in ${remote.where}. A password belongs into MLFLOW_TRACKING_PASSWORD.`)
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

/** The seed that the project uses, so that its splits stay as they are. */
function seedSetting(steps: ReadonlyArray<StepProposal | null>): Entry | null {
  const [step] = steps.filter((each) => each?.seed !== undefined);
  return step ? setting('seed', step.seed, `As ${step.task?.where ?? step.script.path} has it.`) : null;
}

export function searchSection({ findings, answers, parameters, metric, search }: Proposal): Entry | null {
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
  const trials = answers.search === 'none' ? 0 : typeof wanted === 'number' && wanted > 0 ? wanted : 20;
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

export function promotionSection({ gate }: Proposal): Entry | null {
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

export function extraSection({ findings }: Proposal): Entry | null {
  const [venv] = findings.environment.venvs;
  const tasks = extraTasks(findings);
  return listing(
    'extraSteps',
    tasks.flatMap(({ name, command, where, after }) =>
      command
        ? [
            [
              setting('name', name, `In place of ${where}.`),
              setting('after', after),
              setting('command', command),
              venv ? setting('venv', venv) : null,
            ],
          ]
        : [],
    ),
    'What the DAG does besides.',
  );
}

/** Deployment, and the image where there is one. */
export function deploymentSections({ findings, answers }: Proposal): Array<Entry | null> {
  const [venv] = findings.environment.venvs;
  const image = apiImage(findings);
  const start = apiCommand(findings, venv ? 'python' : 'python3');
  const checks = possibleChecks(findings);
  const process = answers.deployment === 'process';
  return [
    section(
      'deployment',
      [
        setting('target', answers.deployment, targetComment(findings, answers.deployment)),
        start
          ? setting('command', start.command, `The API, ${start.why}${process ? '.' : '; for the target process.'}`, {
              off: !process,
            })
          : null,
        start && venv ? setting('venv', venv, '', { off: !process }) : null,
        checks
          ? setting(
              'checks',
              checks,
              `What a candidate must prove besides answering /health: ${findings.api?.path} has no route for the rest.`,
              { off: answers.deployment === 'none' },
            )
          : null,
        hasHealth(findings)
          ? null
          : setting(
              'healthTimeout',
              90,
              `No route /health was found in ${findings.api?.path}. A candidate must answer GET /health with {"status": "ok", "version": …}.`,
              { off: true },
            ),
      ],
      'Where the API runs.',
    ),
    image &&
      section(
        'docker',
        [
          setting(
            'option',
            image.runtime ? 'registry' : 'baked',
            image.runtime ? 'The image loads the model from MLflow.' : 'The image holds the model.',
          ),
          image.image
            ? setting('image', image.image.name, `Found in ${image.image.where}.`)
            : setting(
                'image',
                `${findings.name.toLowerCase().replace(/[^a-z0-9._-]+/g, '-')}-api`,
                'A name was not found; with a registry in front it can be pushed.',
              ),
          setting('context', image.context),
          image.runtime ? setting('dockerfile', image.runtime.path) : null,
          image.baked
            ? setting('bakedDockerfile', image.baked.path, 'With a model in it, for the option baked.')
            : null,
          image.baked ? modelPath(image.baked.modelFrom, image.baked.args) : null,
          setting('push', false, 'Set it to true when the image may be pushed to its registry.'),
          section(
            'env',
            missingVariables(findings).map((name) => setting(name, 'FILL_IN')),
            `${findings.api?.path ?? 'The API'} reads these, and nothing sets them.`,
            { off: true },
          ),
        ],
        'The image of the API.',
        { off: answers.deployment !== 'docker' },
      ),
  ];
}

function modelPath(from: string | null, args: Readonly<Record<string, string>>): Entry {
  const path = from === null ? '' : (args[from] ?? from);
  return path && !path.includes('$')
    ? setting('modelPath', path, 'Where the Dockerfile takes the model from.')
    : setting('modelPath', 'artifacts/model_pipeline.joblib', 'Where the Dockerfile takes the model from.', {
        off: true,
      });
}

function targetComment({ api, dockerfiles }: Proposal['findings'], target: string): string {
  const image = dockerfiles.find(({ serves }) => serves)?.path;
  const found = [api ? `${api.framework} in ${api.path}` : '', image ?? ''].filter(Boolean).join(' and ');
  const what =
    {
      docker: 'In containers.',
      process: 'As a process on this host.',
      none: 'Nowhere: a retrain ends with the promotion.',
    }[target] ?? '';
  return found ? `${what} Found: ${found}.` : target === 'none' ? `${what} No API was found.` : what;
}

export function monitoringSection({ monitor }: Proposal): Entry | null {
  if (!monitor) return null;
  const rows = monitor.script.options.find(({ dest }) => dest === 'min_rows')?.default;
  const log = monitor.script.options.find(({ dest }) => /^(log|pred\w*)(_?(csv|path|file|dir))?$/.test(dest))?.default;
  return section(
    'monitoring',
    [
      typeof rows === 'number' ? setting('minRows', rows, `The default of ${monitor.script.path}.`) : null,
      typeof log === 'string'
        ? setting('log', log, `The default of ${monitor.script.path}. Without it, the log of the API that we start.`, {
            off: true,
          })
        : setting('log', 'logs/predictions.csv', 'Without it, the log of the API that we start.', { off: true }),
    ],
    'The nightly look at drift.',
  );
}

export function schedulesSection({ findings, answers }: Proposal): Entry | null {
  const found = clocks(findings).map(({ name, workflow, cron, every, where }) =>
    section(
      name,
      [
        setting('workflow', workflow),
        cron === null ? setting('every', every) : setting('cron', cron),
        setting('note', `In place of ${where}`),
      ],
      `In place of ${where}: switch that one off when this one runs.`,
    ),
  );
  const off = !answers.schedules || found.length === 0;
  const example = section('weekly-retrain', [setting('workflow', 'retrain'), setting('cron', '0 2 * * 0')]);
  return section(
    'schedules',
    found.length > 0 ? found : [example],
    found.length > 0 ? 'What starts by the clock, in UTC.' : 'Nothing that starts by the clock was found. An example:',
    { off },
  );
}
