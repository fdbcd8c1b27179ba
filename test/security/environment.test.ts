import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { OUR_CONTRACT } from '../../src/contracts/apiContract.ts';
import { startApiProcess } from '../../src/gateway/apiProcess.ts';
import { apiCommand } from '../../src/gateway/command.ts';
import { canEnclose, lookAt, withHelp } from '../../src/init/index.ts';
import { partEnvironment } from '../../src/stack/environment.ts';
import { readDriftReport } from '../../src/systems/driftDocument.ts';
import { createNotifier } from '../../src/systems/notifications/index.ts';
import { freePort } from '../../src/systems/ports.ts';
import { environmentOf } from '../../src/systems/processes/environment.ts';
import { createReaper, type Reaper } from '../../src/systems/processes/reaper.ts';
import { runCommand } from '../../src/systems/processes/runCommand.ts';
import { projectRevision } from '../../src/systems/revision.ts';
import { SECRETS, secretsIn } from '../support/secrets.ts';
import { until } from '../support/until.ts';

const enclosed = await canEnclose();
let folder: string;
let reaper: Reaper;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mediwatch-environment-'));
  Object.assign(process.env, SECRETS);
  reaper = await createReaper();
});
afterEach(async () => {
  for (const name of Object.keys(SECRETS)) delete process.env[name];
  await reaper.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A program that writes its environment down. */
function spy(): string {
  const path = join(folder, 'spy');
  writeFileSync(path, `#!/bin/sh\nenv > "${folder}/seen.new"\nmv "${folder}/seen.new" "${folder}/seen"\n`);
  chmodSync(path, 0o755);
  return path;
}
const read = () => (existsSync(join(folder, 'seen')) ? readFileSync(join(folder, 'seen'), 'utf8') : '');
const seen = () => until(read, { timeoutMs: 20_000, what: 'what the program saw' });

function configOf(yaml: string) {
  writeFileSync(join(folder, 'mediwatch.yaml'), yaml);
  return loadConfig(process.env, folder);
}

describe('no secret of ours is in the environment of', () => {
  it('any kind of process, whatever it needs', () => {
    const all = environmentOf(['network', 'computing', 'mlflow', 'docker', 'node', 'npm', 'pip', 'go', 'desktop']);
    expect(secretsIn(JSON.stringify(all))).toEqual([]);
    expect(all).toMatchObject({ PATH: process.env.PATH, HOME: process.env.HOME });
  });

  it('a command', async () => {
    const common = { cwd: folder, logFile: join(folder, 'log'), timeoutMs: 20_000, memoryLimitMb: 1_000 };
    await runCommand({ ...common, command: [spy()], env: { OWN: '1' }, signal: new AbortController().signal, reaper });
    expect(secretsIn(await seen())).toEqual([]);
    expect(read()).toContain('OWN=1');
  });

  it('a notification, but for those that it names', async () => {
    const target = `{kind: command, command: ["${spy()}"], passEnv: [AWS_*]}`;
    const notifier = createNotifier(configOf(`notifications: [${target}]\n`));
    const links = { links: [], workflowId: 'w', registeredModel: 'm' };
    await notifier.send({ id: '1', event: 'promoted', severity: 'info', title: 't', text: 't', ...links });
    expect(secretsIn(await seen())).toEqual(['AWS_SECRET_ACCESS_KEY']);
    await notifier.close();
  });

  it("the API, but for MLflow's login and what it is given by name", async () => {
    const config = configOf(`deployment: {command: ["${spy()}"], passEnv: [DATABASE_URL]}\n`);
    const spec = { key: 'k', model: 'm', version: '1' };
    const port = await freePort(new Set());
    const api = startApiProcess({
      ...{ spec, port, reaper, onChange: () => {}, log: pino({ level: 'silent' }), logFile: join(folder, 'api.log') },
      command: apiCommand(config)(spec, { host: '127.0.0.1', port }),
      health: OUR_CONTRACT.health,
    });
    const ofMlflow = ['MEDIWATCH_MLFLOW_TOKEN', 'MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD'];
    expect(secretsIn(await seen())).toEqual([...ofMlflow, 'DATABASE_URL']);
    await api.stop(0);
  });

  it('the Python that reads drift reports', async () => {
    await readDriftReport(configOf(`worker: {python: "${spy()}"}\n`), { text: '{}' }).catch(() => {});
    expect(secretsIn(await seen())).toEqual([]);
  });

  it('git, whose settings in a project may name programs', async () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args]);
    git('init', '--quiet');
    writeFileSync(join(folder, 'a.py'), '1');
    git('add', 'a.py');
    git('commit', '--quiet', '--message', 'a');
    git('config', 'diff.external', spy());
    writeFileSync(join(folder, 'a.py'), '2');
    await projectRevision(folder);
    expect(secretsIn(await seen())).toEqual([]);
  });

  it.runIf(enclosed)('a script that init asks for --help', async () => {
    const dump = `import os\nopen("${folder}/seen", "w").write(repr(dict(os.environ)))\n`;
    const options =
      'p = argparse.ArgumentParser()\nfor n in ["lr"]:\n    p.add_argument("--" + n, type=float)\np.parse_args()\n';
    writeFileSync(join(folder, 'train.py'), `import argparse\n${dump}${options}`);
    await withHelp(await lookAt(folder), folder, new AbortController().signal);
    expect(secretsIn(await seen())).toEqual([]);
  });
});

describe('a part of the stack', () => {
  it.each([
    ['gateway', ['MEDIWATCH_MLFLOW_TOKEN', 'MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD', 'DATABASE_URL']],
    ['webhook', ['MEDIWATCH_WEBHOOK_SECRET', 'MEDIWATCH_WEBHOOK_TOKEN', 'TEMPORAL_API_KEY']],
    [
      'worker',
      [
        ...['MEDIWATCH_MLFLOW_TOKEN', 'MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD', 'TEMPORAL_API_KEY'],
        ...['TEST_SLACK_URL', 'AWS_SECRET_ACCESS_KEY'],
      ],
    ],
    ['client', ['MEDIWATCH_MLFLOW_TOKEN', 'MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD', 'TEMPORAL_API_KEY']],
  ] as const)('%s has the secrets that it uses, and no other one', (part, expected) => {
    const config = configOf(`steps: {train: {command: [t], passEnv: [AWS_SECRET_ACCESS_KEY]}}
deployment: {passEnv: [DATABASE_URL]}
notifications: [{kind: slack, urlEnv: TEST_SLACK_URL}]
`);
    expect(secretsIn(JSON.stringify(partEnvironment(config, part)))).toEqual(expected);
  });

  it('has every other setting that a variable gives', () => {
    const settings = { MEDIWATCH_STACK_API_PORT: '8123', MEDIWATCH_MLFLOW_URI: 'http://mlflow.invalid' };
    Object.assign(process.env, settings);
    expect(partEnvironment(configOf(''), 'webhook')).toMatchObject(settings);
    for (const name of Object.keys(settings)) delete process.env[name];
  });
});

it('every file that starts a process says which environment it gets', () => {
  const files = ['src', 'setup'].flatMap((root) =>
    readdirSync(join(PROJECT_ROOT, root), { recursive: true })
      .map((name) => join(root, String(name)))
      .filter((name) => /\.(ts|mjs)$/.test(name)),
  );
  const silent = files.filter((name) => {
    const text = readFileSync(join(PROJECT_ROOT, name), 'utf8');
    return (
      /from '(execa|node:child_process)'/.test(text) && !/environmentOf|ownEnvironment|extendEnv: false/.test(text)
    );
  });
  // Both run ps; the guard hands on what set-up has chosen.
  expect(silent).toEqual(['src/systems/processes/processTable.ts', 'setup/guard.mjs', 'setup/identity.mjs']);
});
