import { type Command, Option } from 'commander';
import { ConfigError } from '../../config.ts';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { addGateFlags, type GateFlags, gateFrom } from '../drift/gate.ts';
import { GATE_MEANINGS } from '../drift/verdict.ts';
import { CommandError, EXIT } from '../exit.ts';
import { wholeNumber } from '../flags.ts';
import { describeCommand, describeExitCodes } from '../help.ts';
import { configOf, modelOption } from '../model.ts';
import { addStartCommand, type StartCommand } from '../startCommand.ts';

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
      import('../drift/readReport.ts'),
      import('../../domain/driftGate.ts'),
      import('../drift/verdict.ts'),
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
    const { makeReport } = await import('../drift/makeReport.ts');
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
