import { Argument, type Command, Option } from 'commander';
import { askMlflow } from '../askMlflow.ts';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { describeCommand } from '../help.ts';
import { configOf, modelOption } from '../model.ts';

const ABOUT =
  'Tells where the report of a version is, saves it, or opens it in the browser. ' +
  'The version is named by its number, an alias or stage, or the id of the retrain that made it.';

interface Flags {
  output?: string;
  open?: boolean;
  force?: boolean;
  registeredModel?: string;
}

export function addReport(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('report'), ABOUT, [
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
    const flags = command.opts<Flags>();
    const config = configOf(cli, flags.registeredModel);
    const { findPage } = await import('../page/find.ts');
    const { page, file } = await askMlflow(config, async (mlflow) => {
      const { savedCopy, savePage, targetFile } = await import('../page/save.ts');
      const page = await findPage(mlflow, config, reference);
      const { output, force = false, open = false } = flags;
      if (output === undefined) return { page, file: open ? await savedCopy(mlflow, page) : null };
      const file = targetFile(page, { output, cwd: cli.io.cwd, force });
      await savePage(mlflow, page, file, force);
      return { page, file };
    });
    if (flags.open && file) {
      const { openFile } = await import('../page/open.ts');
      await openFile(file, cli.io);
    }
    cli.emit({ ...page, file });
    if (cli.json) return;
    const what = `The report of ${page.registeredModel} version ${page.version}`;
    if (file === null) cli.say(`${what}: ${page.url}`);
    else cli.say(`${what} is in ${file}${flags.open ? ', and opens in the browser' : ''}.`);
  });
}
