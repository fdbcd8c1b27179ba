import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { type Config, ConfigError } from '../../config.ts';
import { DriftGate } from '../../contracts/options.ts';
import { coreOf, metaOf } from '../../contracts/schemas.ts';
import type { Cli } from '../cli.ts';
import type { AlertFlags } from '../drift/alert.ts';
import { CommandError, EXIT, type ExitCode } from '../exit.ts';
import { checkedBy, completing, configOf, decimal, modelOption, optionOf, wholeNumber } from '../flags.ts';
import { describeCommand } from '../help.ts';
import { addStartCommand } from './start.ts';

interface GateFlags {
  report: string;
  minRows?: number;
  registeredModel?: string;
}

interface ReportFlags {
  log?: string;
  out?: string;
  minRows?: number;
  reference?: 'log';
  registeredModel?: string;
}

export function addDrift(program: Command, cli: Cli): void {
  const drift = describeCommand(
    program.command('drift'),
    ['Looks for drift in the predictions', ': a report, a gate on a report, or the nightly check with its alert.'],
    [
      ['drift gate --report evidently_report.json', 'whether a report is drift: 0 no, 1 yes, 2 cannot tell'],
      ['drift report --log logs', 'a report of a log here, without a server'],
      ['drift check', 'the check of every night, now'],
    ],
  );
  addGate(drift, cli);
  addReport(drift, cli);
  addStartCommand(drift, cli, {
    name: 'check',
    workflow: 'driftCheck',
    follows: true,
    examples: [
      ['drift check', 'the check of every night, now: a report, and an alert to the steward when it is drift'],
      ['drift check --no-alert', 'only the report'],
      [
        'drift check --json | tail -1 | jq -r .result.verdict',
        'drift, no drift or skipped: the exit code is 0 for each',
      ],
    ],
  });
}

/** Exit codes of `drift gate` and `drift report`: they are a gate of a CI job. */
const GATE_MEANINGS: ReadonlyArray<readonly [ExitCode, string]> = [
  [EXIT.done, 'no drift'],
  [EXIT.failed, 'drift'],
  [EXIT.usage, 'cannot tell: too few rows, no report that is known, or wrong usage or settings'],
  [EXIT.interrupted, 'Ctrl-C'],
];

function addGate(drift: Command, cli: Cli): void {
  const command = describeCommand(
    drift.command('gate'),
    ['Judges a drift report, of Evidently 0.4 or 0.7 or our own', '. It needs no server, and starts nothing.'],
    [
      ['drift gate --report report.json', 'by the rules of driftGate in mediwatch.yaml'],
      ['drift gate --report report.json --no-dataset --min-columns 5', 'at least five features drifted'],
      ['drift gate --report report.json --column age diag_1 --prediction', 'or any of these'],
    ],
    GATE_MEANINGS,
  )
    .addOption(completing(new Option('--report <file>', 'JSON of the report'), 'files').makeOptionMandatory())
    .option('--min-rows <n>', 'rows that each window must have, where the report does not say', wholeNumber)
    .addOption(modelOption('the model whose rules hold'));
  addGateFlags(command);
  onAction(command, async () => {
    const { report, minRows, registeredModel } = command.opts<GateFlags>();
    const config = configOf(cli, registeredModel);
    const gate = gateFrom(config, command);
    const { judgeReport } = await import('../drift/reports.ts');
    await judgeReport(cli, config, report, { gate, minRows });
  });
}

function addReport(drift: Command, cli: Cli): void {
  const command = describeCommand(
    drift.command('report'),
    [
      'Makes a drift report of the prediction log on this machine, and judges it',
      '. It needs no server, and starts nothing: so it compares with earlier rows of the log, by the bundled step, and ' +
        'where "monitoring.reference" is "training" it refuses. "drift check" compares as the settings say.',
    ],
    [
      ['drift report', 'of monitoring.log, into the folder drift of stack.dir'],
      ['drift report --log "logs/*.csv" --out reports/monitoring --json', 'for a CI job'],
    ],
    GATE_MEANINGS,
  )
    .addOption(
      completing(
        new Option(
          '--log <path>',
          'prediction log: a CSV or Parquet file, a folder or a glob; default: monitoring.log',
        ),
        'files',
      ),
    )
    .addOption(
      completing(
        new Option('--out <folder>', 'where HTML and JSON are written; default: drift/<model> in stack.dir'),
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
  addGateFlags(command);
  onAction(command, async () => {
    const { registeredModel, ...wanted } = command.opts<ReportFlags>();
    const config = configOf(cli, registeredModel);
    const gate = gateFrom(config, command);
    const { makeReport } = await import('../drift/reports.ts');
    await makeReport(cli, config, { ...wanted, gate });
  });
}

const GATE_FIELDS = Object.entries<z.ZodType>(DriftGate.shape);

/** A flag for each rule of the gate; a rule without one is as the settings have it. */
function addGateFlags(command: Command): void {
  for (const [field, schema] of GATE_FIELDS) {
    command.addOption(optionOf(field, schema));
    if (coreOf(schema).type === 'boolean') command.option(`--no-${field}`, `leave out the rule --${field}`);
  }
}

/**
 * The gate of the settings with the flags laid over it.
 *
 * @throws {CommandError} naming a flag whose value is no rule
 */
function gateFrom({ driftGate }: Config, command: Command): DriftGate {
  const given = GATE_FIELDS.map(([field, schema]) => [field, command.getOptionValue(metaOf(schema).flag ?? field)]);
  const rules = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return checkedBy(DriftGate, { ...driftGate, ...rules }, 'Nothing was judged.');
}

/** A defect of the command must not look like drift, which is what its exit code would say here. */
function onAction(command: Command, action: () => Promise<void>): void {
  command.action(async () => {
    try {
      await action();
    } catch (error) {
      if (error instanceof CommandError || error instanceof ConfigError) throw error;
      const defect = error instanceof Error ? error.stack : String(error);
      throw new CommandError(EXIT.usage, `Cannot tell. Unexpected: ${defect}`, { cause: error });
    }
  });
}

export function addAlert(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('alert'),
    [
      'Alerts the steward of a model: its data have drifted',
      '; it retrains once for all alerts that are pending. With a report the alert is raised only when the gate of ' +
        'mediwatch.yaml calls it drift.',
    ],
    [
      ['alert --reason "ages differ since Monday"', 'of somebody who has noticed something'],
      ['alert --report reports/monitoring/drift.json', 'if the report is drift'],
      [
        'alert --report report.json --webhook https://mediwatch.example.org',
        'from a machine that reaches the webhook only',
      ],
    ],
    [
      [EXIT.done, 'raised; or the report is no drift, or has too few rows, and there was nothing to raise'],
      [EXIT.failed, 'the webhook refused it; nothing was raised'],
      [EXIT.usage, 'wrong usage, setting or report, or a report that cannot be judged; nothing was raised'],
      [EXIT.unreachable, 'Temporal, or the webhook, did not answer for ten seconds'],
      [EXIT.interrupted, 'Ctrl-C'],
    ],
  )
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
  command.action(async () => {
    const { raise } = await import('../drift/alert.ts');
    await raise(cli, command.opts<AlertFlags>());
  });
}
