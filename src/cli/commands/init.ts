import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { describeCommand } from '../help.ts';

const ABOUT =
  'Looks at a training project and writes a commented mediwatch.yaml for it; the project itself is not changed. ' +
  'It reads requirements, scripts, notebooks, Dockerfiles, MLflow settings, Airflow DAGs and GitHub workflows.';

export function addInit(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('init'), ABOUT, [
    ['init', 'the project in this folder: a few questions, with answers that were found'],
    ['init ../training --yes', 'another one, with those answers'],
    ['init --yes --force', 'anew; what changes is shown'],
  ])
    .addArgument(completing(new Argument('[dir]', 'folder of the project').default('.'), 'folders'))
    .option('-y, --yes', 'take the answers that were found; scripts that hide their options are run with --help')
    .option('--force', 'replace a mediwatch.yaml that is there');
  command.action(async (folder: string) => {
    const { yes, force } = command.opts<{ yes?: boolean; force?: boolean }>();
    const { init } = await import('../init/run.ts');
    await init(cli, { folder, yes: yes === true, force: force === true });
  });
}
