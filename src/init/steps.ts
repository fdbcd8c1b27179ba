import { type Entry, section, setting } from './entries.ts';
import type { Proposal, StepProposal } from './proposal.ts';
import { gateName } from './proposal.ts';
import { withRole } from './scripts.ts';

/** The section `steps`. */
export function stepsSection(proposal: Proposal): Entry | null {
  const { search, train, monitor } = proposal;
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
      train ? trainStep(proposal, train) : noTraining(),
      evaluateStep(proposal),
      monitor &&
        step(proposal, 'monitor', monitor, 'The drift report over the prediction log.', [
          section('outputs', [reportFile(monitor)]),
        ]),
    ],
    `What is done by commands of this project. A command is program and arguments, without a shell; words in braces are filled in.\n${proposal.train ? venvComment(proposal.findings) : ''}`,
  );
}

function trialStep(proposal: Proposal): Entry | null {
  const { trial, answers } = proposal;
  const about = 'One trial of our search: the training script with other parameters, registering nothing.';
  const entry = trial && step(proposal, 'trial', trial, about);
  if (!entry || answers.search === 'trials') return entry;
  const instead = answers.search === 'own' ? 'In place of the step search' : 'For a search (search.trials)';
  return { ...entry, comment: `${instead}: trials that survive a crash and run in parallel. ${about}`, off: true };
}

function prepareStep(proposal: Proposal): Entry | null {
  const { prepare, train } = proposal;
  if (!prepare) {
    if (!train) return null;
    return section(
      'prepare',
      [setting('skip', true)],
      'No script was found that prepares data: data.path is read as it is.',
    );
  }
  const given = prepare.command.some((word) => word.includes('{output}'));
  const place = prepare.directory
    ? setting('directory', prepare.directory, 'Where the script writes, by its own defaults.')
    : setting('directory', 'FILL_IN', 'Folder with the data that it prepared.', { off: true });
  return step(proposal, 'prepare', prepare, 'Prepares the data.', given ? [] : [section('outputs', [place])]);
}

function trainStep(proposal: Proposal, train: StepProposal): Entry | null {
  const { gate } = proposal;
  const { facts } = train.script;
  const logs = Object.keys(facts.calls).some((call) => /^mlflow\.\w+\.log_model$/.test(call));
  const tracked = Object.keys(facts.calls).some((call) => call.startsWith('mlflow.'));
  const scores = tracked ? undefined : writtenFile(train, /(metric|score|result|eval)\w*\.json$/);
  const file =
    train.output ?? writtenFile(train, /(?<!(metric|score|result|eval)\w*)\.(joblib|pkl|json|txt|pt|onnx|cbm|ubj)$/);
  const [model] = facts.loggedModels;
  const auc = gate && gateName(gate);
  const metrics = scores
    ? setting('file', scores, 'JSON file with its metrics; the gate compares test_auc.')
    : gate === null
      ? setting(
          'metrics',
          { test_auc: 'FILL_IN' },
          'What its MLflow run calls the score that decides about a promotion. None was found in the script.',
          { off: true },
        )
      : auc !== gate.name
        ? setting(
            'metrics',
            { test_auc: gate.name },
            `${train.script.path} logs ${gate.name}; the gate compares test_auc.`,
          )
        : null;
  const where = logs
    ? model !== undefined && model !== 'model'
      ? setting('model', model, 'Name under which it logs the model.')
      : null
    : file
      ? setting('modelFile', file, 'It logs no model to MLflow: this file becomes the version.')
      : setting('modelFile', 'FILL_IN', 'It logs no model to MLflow: a file that it writes becomes the version.', {
          off: true,
        });
  const pattern =
    tracked || scores
      ? null
      : setting(
          'pattern',
          'AUC: (?<test_auc>[0-9.]+)',
          'It does not use MLflow: metrics are read from its output, by the names of the groups.',
          { off: true },
        );
  return step(proposal, 'train', train, trainComment(proposal), [section('outputs', [metrics, where, pattern])]);
}

/** A file that the script writes, where a command of ours finds it. */
function writtenFile({ args, script }: StepProposal, name: RegExp): string | undefined {
  const path = script.facts.writes.find((each) => name.test(each));
  const told = args.some((word) => word === '{output}');
  if (path === undefined || (!told && path.startsWith('?/'))) return undefined;
  return told ? `{output}/${path.split('/').at(-1)}` : path;
}

function reportFile(monitor: StepProposal): Entry {
  const file = writtenFile(monitor, /\.json$/);
  return file
    ? setting('file', file, 'The report, of any version of Evidently.')
    : setting('file', '{output}/FILL_IN.json', 'The report as JSON: where the script writes it.', { off: true });
}

function trainComment({ findings, train }: Proposal): string {
  const others = [...withRole(findings.scripts, 'train'), ...withRole(findings.scripts, 'baseline')].filter(
    ({ path }) => path !== train?.script.path,
  );
  const other = others.map(({ path }) => path);
  return other.length === 0
    ? 'Trains, and makes the new version.'
    : `Trains, and makes the new version. It could also be ${other.join(' or ')}.`;
}

function noTraining(): Entry | null {
  return section(
    'train',
    [setting('command', ['python3', 'train.py', '--data', '{data}'])],
    'No script was found that trains. Say here how it is started.',
    { off: true },
  );
}

function evaluateStep({ findings, train }: Proposal): Entry | null {
  if (!train) return null;
  const [script] = withRole(findings.scripts, 'evaluate');
  if (!script) return null;
  const command = [...script.command, '--version', '{version}'];
  return section(
    'evaluate',
    [setting('command', command)],
    `Without this, the metrics that the training recorded are compared. ${script.path} looks as if it scores a model: it could score a version here.`,
    { off: true },
  );
}

/** A step with what all steps have: its environment, and how often and how long it is tried. */
function step(
  { findings }: Proposal,
  name: string,
  made: StepProposal,
  about: string,
  more: Array<Entry | null> = [],
): Entry | null {
  const { script, task, notes } = made;
  const [venv] = findings.environment.venvs;
  const tried = task?.task;
  return section(
    name,
    [
      setting('command', made.command, notes.join('\n')),
      script.cwd ? setting('cwd', script.cwd) : null,
      setting('venv', venv ?? '.venv', '', { off: !venv }),
      tried?.retries != null ? setting('attempts', attemptsOf(tried.retries), retriesComment(tried.retries)) : null,
      tried?.retryDelay ? setting('backoff', tried.retryDelay) : null,
      tried?.timeout ? setting('timeout', tried.timeout) : null,
      ...more,
    ],
    [about, evidence(made), task ? `In place of ${task.where}.` : ''].filter(Boolean).join('\n'),
  );
}

/** Within what the setting takes. */
const attemptsOf = (retries: number) => Math.min(100, Math.max(1, Math.round(retries) + 1));

function retriesComment(retries: number): string {
  if (retries <= 0) return 'The task is not tried again.';
  return `The first try and the task's ${retries === 1 ? 'retry' : `${retries} retries`}.`;
}

/** Where the programs of the steps come from. */
function venvComment({ environment }: Proposal['findings']): string {
  const { python, setUp, venvs } = environment;
  const wants = python ? ` The project wants Python ${python.wanted} (${python.where}).` : '';
  if (venvs.length > 0) return `Programs are taken from the virtual environment ${venvs[0]} first.${wants}`;
  return `No virtual environment was found. ${setUp ? `Make one (${setUp})` : 'Make one in .venv'}, and put the lines "venv" in force.${wants}`;
}

/** Why this script: "scripts/train.py: calls mlflow.sklearn.log_model; takes --lr, --n-estimators". */
function evidence({ script }: StepProposal): string {
  const flags = script.options.map(({ flag, dest }) => flag ?? dest).slice(0, 8);
  const takes = flags.length > 0 ? [`takes ${flags.join(', ')}`] : [];
  return `${script.path}: ${[...script.reasons, ...takes].join('; ')}.`;
}
