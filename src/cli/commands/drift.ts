import { type Command, Option } from 'commander';
import { ConfigError } from '../../config.ts';
import type { Cli } from '../cli.ts';
import type { RaiseFlags } from '../drift/alert.ts';
import { addGateFlags, GATE_MEANINGS, type GateFlags, gateFrom } from '../drift/drift.ts';
import { CommandError, EXIT } from '../exit.ts';
import { completing, configOf, decimal, modelOption, wholeNumber } from '../flags.ts';
import { describeCommand, describeExitCodes } from '../help.ts';
import { addStartCommand, type StartCommand } from './start.ts';

const ABOUT = 'Looks for drift in the predictions: a report, a gate on a report, or the nightly check with its alert.';
const GATE = 'Judges a drift report, of Evidently 0.4 or 0.7 or our own. It needs no server, and starts nothing.';
const REPORT =
  'Makes a drift report of the prediction log on this machine, and judges it. It needs no server, and starts nothing: ' +
  'so it compares with earlier rows of the log, by the bundled step, and where "monitoring.reference" is "training" it ' +
  'refuses. "drift check" compares as the settings say.';
const LOG = 'prediction log: a CSV or Parquet file, a folder or a glob; default: monitoring.log';

const check: StartCommand = {
  name: 'check',
  workflow: 'driftCheck',
  follows: true,
  examples: [
    ['drift check', 'the check of every night, now: a report, and an alert to the steward when it is drift'],
    ['drift check --no-alert', 'only the report'],
    ['drift check --json | tail -1 | jq -r .result.verdict', 'drift, no drift or skipped: the exit code is 0 for each'],
  ],
};

export function addDrift(program: Command, cli: Cli): void {
  const drift = describeCommand(program.command('drift'), ABOUT, [
    ['drift gate --report evidently_report.json', 'whether a report is drift: 0 no, 1 yes, 2 cannot tell'],
    ['drift report --log logs', 'a report of a log here, without a server'],
    ['drift check', 'the check of every night, now'],
  ]);
  addGate(drift, cli);
  addReport(drift, cli);
  addStartCommand(drift, cli, check);
}

function addGate(drift: Command, cli: Cli): void {
  const command = describeCommand(drift.command('gate'), GATE, [
    ['drift gate --report report.json', 'by the rules of driftGate in mediwatch.yaml'],
    ['drift gate --report report.json --no-dataset --min-columns 5', 'at least five features drifted'],
    ['drift gate --report report.json --column age diag_1 --prediction', 'or any of these'],
  ])
    .addOption(completing(new Option('--report <file>', 'JSON of the report'), 'files').makeOptionMandatory())
    .option('--min-rows <n>', 'rows that each window must have, where the report does not say', wholeNumber)
    .addOption(modelOption('the model whose rules hold'));
  describeExitCodes(addGateFlags(command), GATE_MEANINGS);
  onAction(command, async () => {
    const given = command.opts<GateFlags & { report: string; minRows?: number; registeredModel?: string }>();
    const config = configOf(cli, given.registeredModel);
    const gate = gateFrom(config, given);
    const [{ readReport }, { judgeDrift }, { tellVerdict }] = await Promise.all([
      import('../drift/drift.ts'),
      import('../../domain/driftGate.ts'),
      import('../drift/drift.ts'),
    ]);
    const document = await readReport(cli, config, given.report);
    tellVerdict(cli, judgeDrift(document, gate, given.minRows ?? config.monitoring.minRows), document);
  });
}

function addReport(drift: Command, cli: Cli): void {
  const command = describeCommand(drift.command('report'), REPORT, [
    ['drift report', 'of monitoring.log, into monitoring.outDir'],
    ['drift report --log "logs/*.csv" --out reports/monitoring --json', 'for a CI job'],
  ])
    .addOption(completing(new Option('--log <path>', LOG), 'files'))
    .addOption(
      completing(
        new Option('--out <folder>', 'where HTML and JSON are written; default: monitoring.outDir'),
        'folders',
      ),
    )
    .option('--min-rows <n>', 'rows that each window must have; default: monitoring.minRows', wholeNumber)
    .addOption(
      new Option('--reference <what>', 'with earlier rows of the log, whatever monitoring.reference says').choices([
        'log',
      ]),
    )
    .addOption(modelOption('the model whose settings hold'));
  describeExitCodes(addGateFlags(command), GATE_MEANINGS);
  onAction(command, async () => {
    const given = command.opts<
      GateFlags & { log?: string; out?: string; minRows?: number; reference?: 'log'; registeredModel?: string }
    >();
    const config = configOf(cli, given.registeredModel);
    const gate = gateFrom(config, given);
    const { makeReport } = await import('../drift/drift.ts');
    await makeReport(cli, config, gate, given);
  });
}

/** A defect of the command must not look like drift, which is what its exit code would say here. */
function onAction(command: Command, action: () => Promise<void>): void {
  command.action(async () => {
    try {
      await action();
    } catch (error) {
      if (error instanceof CommandError || error instanceof ConfigError) throw error;
      const told = error instanceof Error ? error.stack : String(error);
      throw new CommandError(EXIT.usage, `Cannot tell. Unexpected: ${told}`, { cause: error });
    }
  });
}

const ALERT_ABOUT =
  'Tells the steward of a model that its data have drifted; it retrains once for all alerts that are pending. ' +
  'With a report the alert is raised only when the gate of mediwatch.yaml calls it drift.';

export function addAlert(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('alert'), ALERT_ABOUT, [
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
    const { raise } = await import('../drift/alert.ts');
    await raise(cli, command.opts<RaiseFlags>());
  });
}
