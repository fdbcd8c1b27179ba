import { type Command, Option } from 'commander';
import { type Delivery, EVENTS, type Notification, SEVERITIES } from '../../contracts/notifications.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { describeCommand } from '../help.ts';
import { user } from '../user.ts';

const ABOUT =
  'Sends a test notification from this machine, and tells what came of it at each target of "notifications" in ' +
  'mediwatch.yaml. It needs no Temporal; it needs the variables that the targets name.';

interface Asked {
  event?: Notification['event'];
  severity?: Notification['severity'];
}

export function addNotify(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('notify'), ABOUT, [
    ['notify --test', 'to every target, whatever its filters; the exit code is 1 when one could not be told'],
    ['notify --test --event driftDetected --severity warning', 'to those that would be told of such an event'],
  ])
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
    throw new CommandError(EXIT.usage, `mediwatch.yaml names nobody to tell. Add a target, such as ${example}.`);
  }
  const { createNotifier } = await import('../../systems/notifications/index.ts');
  const notifier = createNotifier(config);
  try {
    const notification = testOf(config.registry.registeredModel, asked);
    const everyTarget = asked.event === undefined && asked.severity === undefined;
    const deliveries = await notifier.send(notification, { everyTarget });
    cli.emit({ event: 'result', notification, deliveries });
    for (const delivery of deliveries) cli.say(inWords(cli, delivery));
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

function inWords({ style }: Cli, { target, outcome, attempts, detail }: Delivery): string {
  if (outcome === 'sent') return `${style('green', '✔')} ${target}`;
  if (outcome === 'filtered') return `– ${target}: ${detail}`;
  return `${style('red', '✘')} ${target}, after ${attempts === 1 ? 'one attempt' : `${attempts} attempts`}: ${detail}`;
}
