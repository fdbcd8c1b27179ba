import { type Command, Option } from 'commander';
import type { RaiseFlags } from '../alert/raise.ts';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { EXIT } from '../exit.ts';
import { decimal } from '../flags.ts';
import { describeCommand, describeExitCodes } from '../help.ts';
import { modelOption } from '../model.ts';

const ABOUT =
  'Tells the steward of a model that its data have drifted; it retrains once for all alerts that are pending. ' +
  'With a report the alert is raised only when the gate of mediwatch.yaml calls it drift.';

export function addAlert(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('alert'), ABOUT, [
    ['alert --reason "ages differ since Monday"', 'of somebody who has noticed something'],
    ['alert --report reports/monitoring/drift.json', 'if the report is drift'],
    [
      'alert --report report.json --webhook https://mediwatch.example.org',
      'from a machine that reaches the webhook only',
    ],
  ])
    .option('--reason <text>', 'what was noticed; default: what the gate says of the report')
    .option('--key <key>', "two alerts with one key are one; default: the report's, or a new one")
    .option('--source <name>', 'who raises it')
    .addOption(
      completing(
        new Option(
          '--report <file|link>',
          'drift report of Evidently 0.4 or 0.7, or our drift.json; a link is passed on',
        ),
        'files',
      ),
    )
    .option('--link <url>', 'where people find the report')
    .option('--share <x>', 'share of the features that drifted, from 0 to 1', decimal)
    .option('--force', 'raise it whatever the report says')
    .addOption(modelOption())
    .option('--webhook [url]', 'send it to a webhook, signed with its secret; default: webhook.url');
  describeExitCodes(command, [
    [EXIT.done, 'raised; or the report is no drift, or has too few rows, and there was nothing to raise'],
    [EXIT.failed, 'the webhook refused it; nothing was raised'],
    [EXIT.usage, 'wrong usage, setting or report, or a report that cannot be judged; nothing was raised'],
    [EXIT.unreachable, 'Temporal, or the webhook, did not answer for ten seconds'],
    [EXIT.interrupted, 'Ctrl-C'],
  ]);
  command.action(async () => {
    const { raise } = await import('../alert/raise.ts');
    await raise(cli, command.opts<RaiseFlags>());
  });
}
