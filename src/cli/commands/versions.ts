import { Argument, type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { completing, configOf, localTime, modelOption, pastTime, wholeFrom } from '../flags.ts';
import { describeCommand } from '../help.ts';
import type { RetrainsWanted } from '../history/retrains.ts';
import type { ReportWanted } from '../versions/report.ts';

interface HistoryFlags extends RetrainsWanted {
  registeredModel?: string;
  production?: boolean;
  /** Unix time (ms). */
  at?: number;
}

interface ReportFlags extends ReportWanted {
  registeredModel?: string;
}

const DEFAULT_LIMIT = 20;

export function addHistory(program: Command, cli: Cli): void {
  const production = ['production', 'at'];
  const command = describeCommand(
    program.command('history'),
    [
      'Shows the retrains, newest first',
      ': what started each, the version that it made, its test AUC, and what came of it. With --production, what was in ' +
        'Production when: who put which version there, why, and on which evidence.',
    ],
    [
      ['history', `the last ${DEFAULT_LIMIT} retrains`],
      ['history --since 7d --trigger drift', 'those of the last seven days that drift led to'],
      ['history --failed --json | jq -r ".retrains[].verdict.reason"', 'why retrains failed'],
      ['history --production', `the last ${DEFAULT_LIMIT} changes of Production`],
      ['history --at 2026-11-24T10:00', 'the version that was in Production at that moment, here'],
      ['history --at 2026-11-24T10:00Z --json | jq -r .version', 'at that moment in UTC'],
    ],
  )
    .option('--limit <n>', 'the most that are shown', wholeFrom(1), DEFAULT_LIMIT)
    .option('--since <time>', 'only what began since then, such as 90m, 12h, 7d, 2w or 2026-11-24', (text) =>
      pastTime(text),
    )
    .addOption(new Option('--trigger <text>', 'only retrains with this text in their trigger').conflicts(production))
    .addOption(
      new Option('--model <kind>', 'only retrains of this kind of model, such as hgb or LGBMClassifier').conflicts(
        production,
      ),
    )
    .addOption(new Option('--failed', 'only retrains that failed').conflicts(production))
    .addOption(modelOption())
    .option('--production', 'what was in Production when, instead of the retrains')
    .addOption(
      new Option(
        '--at <time>',
        'what was in Production then, such as 2026-11-24T10:00; in the zone of this machine unless it names one',
      )
        .argParser(localTime)
        .conflicts('since'),
    );
  command.action(async () => {
    const { registeredModel, production, at, ...wanted } = command.opts<HistoryFlags>();
    const config = configOf(cli, registeredModel);
    if (at === undefined && !production) {
      const { showRetrains } = await import('../history/retrains.ts');
      return await showRetrains(cli, config, wanted);
    }
    const { showMoment, showProduction } = await import('../history/production.ts');
    if (at === undefined) await showProduction(cli, config, wanted);
    else await showMoment(cli, config, at);
  });
}

export function addCompare(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('compare'),
    [
      'Puts two versions side by side',
      ': scores, parameters, data, code, and where they are now. Each is named by its number, an alias or stage, or the ' +
        'id of the retrain that made it.',
    ],
    [
      ['compare', 'the challenger against the champion; after a promotion, the champion against what it replaced'],
      ['compare 5 3', 'version 5 against version 3'],
      ['compare champion previous', 'what serves against what served before'],
      ['compare newest production --json | jq .metrics', 'scores with their differences, for a script'],
    ],
  )
    .addArgument(
      completing(new Argument('[a]', 'version; default: challenger, or champion where there is none'), 'versions'),
    )
    .addArgument(
      completing(new Argument('[b]', 'version that it is compared with; default: champion, or previous'), 'versions'),
    )
    .addOption(modelOption());
  command.action(async () => {
    const references = command.args;
    if (references.includes('')) throw new CommandError(EXIT.usage, 'A version has a name or a number.');
    const { showComparison } = await import('../versions/compareText.ts');
    await showComparison(cli, configOf(cli, command.opts<{ registeredModel?: string }>().registeredModel), references);
  });
}

export function addReport(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('report'),
    [
      'Shows where the report of a version is, saves it, or opens it in the browser',
      '. The version is named by its number, an alias or stage, or the id of the retrain that made it.',
    ],
    [
      ['report --open', 'the report of the newest version, in the browser'],
      ['report champion', 'where that of the version in Production is'],
      ['report 3 --output report.html', 'version 3 as a file, to send it to somebody'],
      ['report --json | jq -r .url', 'its address, for a script'],
    ],
  )
    .addArgument(completing(new Argument('[version]', 'version, or id of a retrain; default: newest'), 'versions'))
    .addOption(completing(new Option('-o, --output <file>', 'save it there; a folder gets a file of its own'), 'files'))
    .option('--force', 'replace a file that is there')
    .option('--open', 'open it in the browser: a copy, so that MLflow may want a login')
    .addOption(modelOption());
  command.action(async (reference: string = 'newest') => {
    const { registeredModel, ...wanted } = command.opts<ReportFlags>();
    const { showReport } = await import('../versions/report.ts');
    await showReport(cli, configOf(cli, registeredModel), reference, wanted);
  });
}
