import { Argument, type Command, Option } from 'commander';
import { type Delivery, EVENTS, type Notification, SEVERITIES } from '../../contracts/notifications.ts';
import { counted } from '../../words/numbers.ts';
import type { AirflowTaskFlags } from '../airflowTask.ts';
import { type Cli, user } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { completing, modelOption, type Switches, wholeFrom } from '../flags.ts';
import { describeCommand } from '../help.ts';

export function addInit(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('init'),
    [
      'Looks at a training project and writes a commented mediwatch.yaml for it',
      '; the project itself is not changed. It reads DVC, MLproject, Airflow DAGs, Makefiles, workflows, ' +
        'Dockerfiles, scripts and notebooks.',
    ],
    [
      ['init', 'the project in this folder: a few questions, with answers that were found'],
      ['init ../training --yes', 'another one, with those answers'],
      ['init --yes --force', 'again; what changes is shown'],
    ],
  )
    .addArgument(completing(new Argument('[dir]', 'folder of the project').default('.'), 'folders'))
    .option('-y, --yes', 'take the answers that were found; scripts that hide their options are run with --help')
    .option('--force', 'replace a mediwatch.yaml that is there');
  command.action(async (folder: string) => {
    const { yes = false, force = false } = command.opts<Switches<'yes' | 'force'>>();
    const { init } = await import('../init.ts');
    await init(cli, { folder, yes, force });
  });
}

export function addCheck(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('check'),
    [
      'Checks mediwatch.yaml',
      ': names every wrong setting with its line and what was meant, looks for the programs, files and servers that it ' +
        'names, and shows what a retrain would run. It starts nothing and changes nothing.',
    ],
    [
      ['check', 'the exit code is 2 when something is wrong; warnings are allowed'],
      [
        'check --json | jq .findings',
        'for an editor or a pipeline: code, severity, text, file, line and column of each',
      ],
      ['check --offline', 'without asking Temporal, MLflow and Docker, such as in a pipeline'],
    ],
  ).option('--offline', 'ask no server');
  command.action(async () => {
    const { checkProject } = await import('../check.ts');
    await checkProject(cli, { offline: command.opts().offline === true });
  });
}

export function addAirflowTask(program: Command, cli: Cli): void {
  const several = (value: string, before: string[] = []) => [...before, value];
  const command = describeCommand(
    program.command('airflow-task'),
    [
      'Runs one task of an Airflow DAG without Airflow',
      ', in the Python of the project: TaskFlow functions, PythonOperator and BashOperator, with templates such as ' +
        '{{ ds }}. What tasks return lies in a folder, as files.',
    ],
    [
      ['airflow-task dags/wheat.py', 'lists the tasks of its DAGs'],
      ['airflow-task dags/wheat.py learn --upstream', 'runs a task, after those before it that have not run'],
      [
        'airflow-task dags/pumps.py load --execution-date 2026-01-31 --arg rows=100',
        'for another day, with an argument',
      ],
    ],
    [
      [EXIT.done, 'the task ended well'],
      [EXIT.failed, 'it failed, or was skipped'],
      [
        EXIT.usage,
        'there is no such file or task, what a task before it returns is missing, or only Airflow can run it',
      ],
    ],
  )
    .addArgument(completing(new Argument('<dag>', 'Python file of the DAG'), 'files'))
    .argument('[task]', 'id of the task')
    .option('--dag <id>', 'the DAG, where the file has several with such a task')
    .option('--dir <folder>', 'folder for what tasks return (XCom); default: .mediwatch/airflow')
    .option('--from <folder>', 'look there for what tasks returned as well; may be repeated', several)
    .option('--upstream', 'first run the tasks before it that have not run yet')
    .option('--execution-date <date>', 'what {{ ds }} stands for; default: now')
    .option('--conf <json>', 'dag_run.conf, which overrides params')
    .option('--arg <name=value>', "argument of the task's function; may be repeated", several)
    .option('--python <program>', 'default: the environment that is active, or .venv here, else that of MediWatch');
  command.action(async (file: string, task: string | undefined) => {
    const { runAirflowTask } = await import('../airflowTask.ts');
    await runAirflowTask(cli, file, task, command.opts<AirflowTaskFlags>());
  });
}

export function addTry(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('try'),
    [
      'Tries the steps of a retrain on a few rows',
      ': preparation, one trial, training, registration, evaluation, report, API and drift check, each with what came of it ' +
        'and the setting to look at. ' +
        'It needs no server, touches no registry, and removes all that it made; what commands of the project write to other ' +
        'places stays.',
    ],
    [
      ['try', 'on 2000 rows of the table in data.path; the exit code is 1 when a step failed'],
      ['try --rows 0', 'on all rows'],
      ['try --json | jq .tried', 'for a pipeline: each step as it ends, and all of them in the end'],
    ],
  )
    .addOption(
      new Option('--rows <n>', 'rows of the table, evenly spread; 0: all').default(2000).argParser(wholeFrom(0)),
    )
    .addOption(modelOption('the model to try; default: registry.registeredModel'));
  command.action(async () => {
    const { tryOut } = await import('../try.ts');
    const { rows, registeredModel } = command.opts<{ rows: number; registeredModel?: string }>();
    await tryOut(cli, { rows, registeredModel });
  });
}

export function addDoctor(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('doctor'),
    [
      'Looks at everything that a retrain and the API need, and says what is wrong and which command repairs it',
      ': Temporal, workers, MLflow, the registry, the API, the prediction log, the data, Docker, disk and ports.',
    ],
    [
      ['doctor', 'everything; the exit code is 1 when there is a problem'],
      ['doctor --fix-aliases', 'and make the aliases champion and previous agree with the stages'],
      ['doctor --json | jq .checks', 'for a monitor'],
    ],
  )
    .option('--fix-aliases', 'reconcile stages and aliases first, unless a workflow is changing them')
    .addOption(modelOption('look at this model alone; default: at all of them'));
  command.action(async () => {
    const { examineSystem } = await import('../doctor.ts');
    const { fixAliases = false, registeredModel } = command.opts<
      Switches<'fixAliases'> & { registeredModel?: string }
    >();
    await examineSystem(cli, { fixAliases, registeredModel });
  });
}

interface Asked {
  event?: Notification['event'];
  severity?: Notification['severity'];
}

export function addNotify(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('notify'),
    [
      'Sends a test notification from this machine',
      ', and says what came of it at each target of "notifications" in mediwatch.yaml. It needs no Temporal; it needs the ' +
        'variables that the targets name.',
    ],
    [
      ['notify --test', 'to every target, whatever its filters; the exit code is 1 when one could not be reached'],
      ['notify --test --event driftDetected --severity warning', 'to those that want such an event'],
    ],
  )
    .requiredOption('--test', 'send a test notification')
    .addOption(new Option('--event <event>', 'only to targets that want this event').choices(EVENTS))
    .addOption(new Option('--severity <severity>', 'only to targets that want this severity').choices(SEVERITIES));
  command.action(async () => {
    await sendTest(cli, command.opts<Asked>());
  });
}

async function sendTest(cli: Cli, asked: Asked): Promise<void> {
  const config = cli.config();
  if (config.notifications.length === 0) {
    const example = 'notifications: [{kind: slack, urlEnv: SLACK_URL}]';
    throw new CommandError(EXIT.usage, `mediwatch.yaml names nobody to notify. Add a target, such as ${example}.`);
  }
  const { createNotifier } = await import('../../systems/notifications/index.ts');
  const notifier = createNotifier(config);
  try {
    const notification = testOf(config.registry.registeredModel, asked);
    const everyTarget = asked.event === undefined && asked.severity === undefined;
    const deliveries = await notifier.send(notification, { everyTarget });
    cli.emit({ event: 'result', notification, deliveries });
    for (const delivery of deliveries) cli.say(deliveryText(cli, delivery));
    if (deliveries.some(({ outcome }) => outcome === 'failed')) cli.exitCode = EXIT.failed;
  } finally {
    await notifier.close();
  }
}

function testOf(registeredModel: string, { event = 'retrainFinished', severity = 'info' }: Asked): Notification {
  return {
    id: `test-${Date.now()}`,
    event,
    severity,
    registeredModel,
    title: 'This is a test',
    text: `${user()} typed "mediwatch notify --test". Nothing happened.`,
    links: [],
    workflowId: 'none',
  };
}

function deliveryText({ style }: Cli, { target, outcome, attempts, detail }: Delivery): string {
  if (outcome === 'sent') return `${style('green', '✔')} ${target}`;
  if (outcome === 'filtered') return `– ${target}: ${detail}`;
  return `${style('red', '✘')} ${target}, after ${counted(attempts, 'attempt')}: ${detail}`;
}
