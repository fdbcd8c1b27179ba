import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../../config.ts';
import { MODELS } from '../../contracts/training.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { completing, configOf, modelOption } from '../flags.ts';
import { describeCommand } from '../help.ts';
import { askMlflow } from '../session.ts';
import { widthOf } from '../views/text.ts';

const HISTORY_ABOUT =
  'Shows the retrains, newest first: what started each, the version that it made, its test AUC, and what came of it. ' +
  'With --production, what was in Production when: who put which version there, why, and on which evidence.';
const DEFAULT_LIMIT = 20;

interface HistoryFlags {
  limit: number;
  registeredModel?: string;
  since?: string;
  trigger?: string;
  model?: string;
  failed?: boolean;
  production?: boolean;
  at?: string;
}

export function addHistory(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('history'), HISTORY_ABOUT, [
    ['history', `the last ${DEFAULT_LIMIT} retrains`],
    ['history --since 7d --trigger drift', 'those of the last seven days that drift led to'],
    ['history --failed --json | jq -r ".retrains[].verdict.reason"', 'why retrains failed'],
    ['history --production', `the last ${DEFAULT_LIMIT} changes of Production`],
    ['history --at 2026-11-24T10:00', 'the version that was in Production at that moment, here'],
    ['history --at 2026-11-24T10:00Z --json | jq -r .version', 'at that moment in UTC'],
  ])
    .option('--limit <n>', 'the most that are shown', atLeastOne, DEFAULT_LIMIT)
    .option('--since <time>', 'only what began since then, such as 90m, 12h, 7d, 2w or 2026-11-24')
    .addOption(new Option('--trigger <text>', 'only retrains with this text in their trigger').conflicts(OTHERS))
    .addOption(new Option('--model <kind>', 'only retrains of this kind of model').choices(MODELS).conflicts(OTHERS))
    .addOption(new Option('--failed', 'only retrains that failed').conflicts(OTHERS))
    .addOption(modelOption())
    .option('--production', 'what was in Production when, instead of the retrains')
    .addOption(
      new Option(
        '--at <time>',
        'what was in Production then, such as 2026-11-24T10:00; in the zone of this machine unless it names one',
      ).conflicts('since'),
    );
  command.action(async () => {
    const flags = command.opts<HistoryFlags>();
    const config = configOf(cli, flags.registeredModel);
    if (flags.at !== undefined) await showMoment(cli, config, flags.at);
    else if (flags.production) await showProduction(cli, config, flags);
    else await showRetrains(cli, config, flags);
  });
}

const OTHERS = ['production', 'at'];

async function showRetrains(cli: Cli, config: Config, { since, ...wanted }: HistoryFlags): Promise<void> {
  const [{ gatherRetrains }, { retrainLines }] = await Promise.all([
    import('../history/retrains.ts'),
    import('../history/retrains.ts'),
  ]);
  const retrains = await gatherRetrains(cli, config, { ...wanted, since: await sinceOf(since) });
  cli.emit(retrains);
  if (cli.json) return;
  const canvas = { width: widthOf(cli.prose), style: cli.style, now: Date.now() };
  for (const line of retrainLines(retrains, canvas)) cli.say(line);
}

async function showProduction(cli: Cli, config: Config, { limit, since }: HistoryFlags): Promise<void> {
  const [{ gatherHistory }, { historyLines }] = await Promise.all([
    import('../history/production.ts'),
    import('../history/production.ts'),
  ]);
  const history = await gatherHistory(config, { limit, since: await sinceOf(since) });
  const { registeredModel, production, entries, shown } = history;
  cli.emit({ registeredModel, production, total: entries.length, entries: shown });
  if (!cli.json) for (const line of historyLines(history, cli.style)) cli.say(line);
}

async function showMoment(cli: Cli, config: Config, at: string): Promise<void> {
  const [{ gatherHistory }, { momentOf }, { parseTime }, { momentLines }] = await Promise.all([
    import('../history/production.ts'),
    import('../history/production.ts'),
    import('../flags.ts'),
    import('../history/production.ts'),
  ]);
  const time = parseTime(at);
  if (time === undefined) {
    throw new CommandError(EXIT.usage, `--at: "${at}" is not a time such as 2026-11-24T10:00 or 2026-11-24T10:00Z.`);
  }
  const { registeredModel, entries } = await gatherHistory(config, { limit: 0 });
  const moment = momentOf(entries, time);
  cli.emit({ registeredModel, at: new Date(time).toISOString(), ...moment });
  if (!cli.json) for (const line of momentLines(registeredModel, time, moment)) cli.say(line);
}

async function sinceOf(text: string | undefined): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const { parseSince } = await import('../flags.ts');
  const since = parseSince(text, Date.now());
  if (since !== undefined) return since;
  throw new CommandError(EXIT.usage, `--since: "${text}" is neither a time such as 2026-11-24 nor a while such as 7d.`);
}

function atLeastOne(text: string): number {
  if (!/^0*[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1 on, such as 20.');
  return Number(text);
}

const COMPARE_ABOUT =
  'Puts two versions side by side: scores, parameters, data, code, and where they are now. ' +
  'Each is named by its number, an alias or stage, or the id of the retrain that made it.';

export function addCompare(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('compare'), COMPARE_ABOUT, [
    ['compare', 'the challenger against the champion; after a promotion, the champion against what it replaced'],
    ['compare 5 3', 'version 5 against version 3'],
    ['compare champion previous', 'what serves against what served before'],
    ['compare newest production --json | jq .metrics', 'scores with their differences, for a script'],
  ])
    .addArgument(
      completing(new Argument('[a]', 'version; default: challenger, or champion where there is none'), 'versions'),
    )
    .addArgument(
      completing(new Argument('[b]', 'version that it is compared with; default: champion, or previous'), 'versions'),
    )
    .addOption(modelOption());
  command.action(async (...references: unknown[]) => {
    const named = references.slice(0, 2).filter((name) => typeof name === 'string');
    if (named.includes('')) throw new CommandError(EXIT.usage, 'A version has a name or a number.');
    const { registeredModel } = command.opts<{ registeredModel?: string }>();
    const [{ gatherComparison }, { comparisonLines }] = await Promise.all([
      import('../versions/compare.ts'),
      import('../versions/compareText.ts'),
    ]);
    const compared = await gatherComparison(configOf(cli, registeredModel), named);
    cli.emit(compared);
    if (cli.json) return;
    for (const line of comparisonLines(compared, { width: widthOf(cli.prose), style: cli.style })) cli.say(line);
  });
}

const REPORT_ABOUT =
  'Tells where the report of a version is, saves it, or opens it in the browser. ' +
  'The version is named by its number, an alias or stage, or the id of the retrain that made it.';

interface ReportFlags {
  output?: string;
  open?: boolean;
  force?: boolean;
  registeredModel?: string;
}

export function addReport(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('report'), REPORT_ABOUT, [
    ['report --open', 'the report of the newest version, in the browser'],
    ['report champion', 'where that of the version in Production is'],
    ['report 3 --output report.html', 'version 3 as a file, to send it to somebody'],
    ['report --json | jq -r .url', 'its address, for a script'],
  ])
    .addArgument(completing(new Argument('[version]', 'version, or id of a retrain; default: newest'), 'versions'))
    .addOption(completing(new Option('-o, --output <file>', 'save it there; a folder gets a file of its own'), 'files'))
    .option('--force', 'replace a file that is there')
    .option('--open', 'open it in the browser: a copy, so that MLflow may want a login')
    .addOption(modelOption());
  command.action(async (reference = 'newest') => {
    const flags = command.opts<ReportFlags>();
    const config = configOf(cli, flags.registeredModel);
    const { findPage } = await import('../versions/report.ts');
    const { page, file } = await askMlflow(config, async (mlflow) => {
      const { savedCopy, savePage, targetFile } = await import('../versions/report.ts');
      const page = await findPage(mlflow, config, reference);
      const { output, force = false, open = false } = flags;
      if (output === undefined) return { page, file: open ? await savedCopy(mlflow, page) : null };
      const file = targetFile(page, { output, cwd: cli.io.cwd, force });
      await savePage(mlflow, page, file, force);
      return { page, file };
    });
    if (flags.open && file) {
      const { openFile } = await import('../versions/report.ts');
      await openFile(file, cli.io);
    }
    cli.emit({ ...page, file });
    if (cli.json) return;
    const what = `The report of ${page.registeredModel} version ${page.version}`;
    if (file === null) cli.say(`${what}: ${page.url}`);
    else cli.say(`${what} is in ${file}${flags.open ? ', and opens in the browser' : ''}.`);
  });
}
