import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replacement, splitLine } from '../../src/cli/completion/bash.ts';
import { PROJECT_ROOT } from '../../src/config.ts';
import { createMlflow } from '../../src/systems/mlflow/index.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { onTerminal } from '../support/pty.ts';
import { startTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet } from '../support/workers.ts';
import { mediwatch, NOWHERE } from './support.ts';

const PATH = `${join(PROJECT_ROOT, 'bin')}${delimiter}${process.env.PATH}`;
const NOBODY = { TEMPORAL_ADDRESS: NOWHERE, MLFLOW_TRACKING_URI: `http://${NOWHERE}` };
const isThere = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const SHELLS = { zsh: isThere('zsh'), fish: isThere('fish') };
for (const [shell, there] of Object.entries(SHELLS)) {
  if (!there) console.warn(`${shell} is not here: its completion is not tried. "apt-get install ${shell}" brings it.`);
}

/** The script of a shell, as a file: made once, where a shell on a terminal makes it at its start. */
const scripts = new Map<string, Promise<string>>();
let folder: string;
const scriptOf = (shell: 'bash' | 'fish') => {
  const made = scripts.get(shell) ?? saveScript(shell);
  scripts.set(shell, made);
  return made;
};
async function saveScript(shell: string): Promise<string> {
  const file = join(folder, shell);
  await writeFile(file, (await mediwatch(['completion', shell])).out);
  return file;
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediwatch-completion-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** What the function of the bash script puts into COMPREPLY, and all that it printed besides. */
async function inBash(line: string, env: Record<string, string> = NOBODY) {
  const script = `
    source "$1"
    COMP_POINT=\${#COMP_LINE}
    _mediwatch mediwatch
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const options = { cwd: PROJECT_ROOT, env: { PATH, COMP_LINE: line, ...env }, extendEnv: false };
  const { stdout, stderr } = await execa('bash', ['--norc', '-c', script, 'bash', await scriptOf('bash')], options);
  return { offered: stdout.split('\n').filter(Boolean), stderr };
}

/** What fish offers, without descriptions. */
async function inFish(line: string, env: Record<string, string> = NOBODY) {
  const script = 'source "$argv[1]"; complete -C "$argv[2]"';
  const options = { cwd: PROJECT_ROOT, env: { PATH, HOME: tmpdir(), ...env }, extendEnv: false };
  const { stdout, stderr } = await execa('fish', ['--no-config', '-c', script, await scriptOf('fish'), line], options);
  return {
    offered: stdout
      .split('\n')
      .filter(Boolean)
      .map((one) => one.split('\t')[0]),
    stderr,
  };
}

const CASES: Array<[line: string, offered: string[]]> = [
  ['mediwatch retr', ['retrain']],
  ['mediwatch st', ['steward', 'status']],
  ['mediwatch steward p', ['pause']],
  ['mediwatch help steward p', ['pause']],
  ['mediwatch retrain --st', ['--stage', '--staging-first', '--strategy']],
  ['mediwatch retrain --stage ', ['Production', 'Staging', 'None']],
  ['mediwatch retrain --trigger "it\'s; a: b" --strategy c', ['canary']],
  ['mediwatch train --param a=1 b=2 --mod', ['--model']],
  ['mediwatch schedules trigger nightly-r', ['nightly-retrain']],
  ['mediwatch completion f', ['fish']],
  ['mediwatch steward --js', ['--json']],
  // Nobody answers, and nobody is told.
  ['mediwatch follow ', []],
  ['mediwatch promote ', []],
  ['mediwatch nonsense ', []],
];

describe('bash', () => {
  it('offers no flag twice', async () => {
    expect(await inBash('mediwatch retrain --model rf --mo')).toEqual({ offered: [], stderr: '' });
  });

  it.each(CASES)('%s', async (line, offered) => {
    expect(await inBash(line)).toEqual({ offered, stderr: '' });
  });

  it('runs nothing of the line that is typed', async () => {
    const line = `mediwatch rollback $(touch ${folder}/a) \`touch ${folder}/b\` --rea`;
    expect(await inBash(line)).toEqual({ offered: ['--reason'], stderr: '' });
    const made = await readdir(folder);
    expect(made.filter((name) => ['a', 'b'].includes(name))).toEqual([]);
  });

  it('on a terminal, ends words, keeps quotes, and finds files where files are wanted', async () => {
    const terminal = onTerminal(['bash', '--norc', '-i'], { ...NOBODY, PATH });
    try {
      terminal.type("PS1='ready> '; source <(mediwatch completion bash); bind 'set bell-style none'\n");
      await terminal.sees(/\nready> |\rready> /);
      await types(terminal, 'mediwatch steward pa', 'mediwatch steward pause ');
      await types(terminal, 'mediwatch retrain --stage=Sta', '--stage=Staging ');
      await types(terminal, 'mediwatch redeploy --registered-model "Med', '"MediWatchReadmit" ');
      await types(terminal, 'mediwatch drift gate --report biom', '--report biome.json ');
      await types(terminal, 'mediwatch retrain --data=biom', '--data=biome.json ');
      await types(terminal, 'mediwatch init setu', 'init setup/');
    } finally {
      await terminal.stop();
    }
  });
});

describe.runIf(SHELLS.fish)('fish', () => {
  it.each(CASES.filter(([line]) => !line.includes('"')))('%s', async (line, offered) => {
    expect(await inFish(line)).toEqual({ offered, stderr: '' });
  });

  it('completes values behind "=", files, and folders', async () => {
    expect(await inFish('mediwatch retrain --stage=P')).toMatchObject({ offered: ['--stage=Production'] });
    expect(await inFish('mediwatch retrain --data=biom')).toMatchObject({ offered: ['--data=biome.json'] });
    expect(await inFish('mediwatch drift gate --report biom')).toMatchObject({ offered: ['biome.json'] });
    expect(await inFish('mediwatch init setu')).toMatchObject({ offered: ['setup/'] });
  });
});

describe.runIf(SHELLS.zsh)('zsh', () => {
  it('on a terminal, completes commands, flags, values, files and folders', async () => {
    const home = await mkdtemp(join(tmpdir(), 'mediwatch-zsh-'));
    const terminal = onTerminal(['zsh', '-f', '-i'], { ...NOBODY, PATH, HOME: home, ZDOTDIR: home });
    try {
      terminal.type("PS1='ready> '; autoload -Uz compinit && compinit -u -D; unsetopt beep\n");
      terminal.type('source <(mediwatch completion zsh); print sour""ced\n');
      await terminal.sees('sourced');
      await types(terminal, 'mediwatch steward pa', 'mediwatch steward pause ');
      await types(terminal, 'mediwatch retrain --stage=Sta', '--stage=Staging ');
      await types(terminal, 'mediwatch retrain --trigger "a: b" --stage Sta', '--stage Staging ');
      await types(terminal, 'mediwatch redeploy --registered-model "Med', '"MediWatchReadmit" ');
      await types(terminal, 'mediwatch drift gate --report biom', '--report biome.json ');
      await types(terminal, 'mediwatch retrain --data=biom', '--data=biome.json ');
      await types(terminal, 'mediwatch init setu', 'init setup/');
      terminal.type('mediwatch re\t\t');
      await terminal.sees(/retrain +-- Prepares the data/);
    } finally {
      await terminal.stop();
      await rm(home, { recursive: true });
    }
  });
});

/** Types a line, presses Tab, sees what comes of it, and takes the line back. */
async function types(terminal: ReturnType<typeof onTerminal>, line: string, becomes: string): Promise<void> {
  terminal.type(`${line}\t`);
  await terminal.sees(becomes);
  terminal.type('\u0015');
}

describe('a line is split as bash splits it', () => {
  it.each([
    ['a b ', ['a', 'b'], ''],
    ['a "b c" d', ['a', 'b c'], 'd'],
    ["a 'b \"c' d\\ e", ['a', 'b "c'], 'd e'],
    ['a "b \\" c', ['a'], 'b " c'],
    ['a ""', ['a'], ''],
  ])('%s', (line, words, text) => {
    expect(splitLine(line, '')).toMatchObject({ words, current: { text } });
  });

  it('and whatever it offers stands for the value once it is typed', () => {
    const value = fc.string({ unit: fc.constantFrom(...'ab:= \'"\\$`;()é') });
    const property = fc.property(
      value,
      fc.constantFrom('', '"', "'") as fc.Arbitrary<'' | '"' | "'">,
      (text, quote) => {
        const typed = replacement(text, { text: '', quote, kept: 0 });
        expect(splitLine(`x ${quote}${typed}${quote}`, '').current.text).toBe(text);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});

describe('what only Temporal and MLflow know', () => {
  let temporal: Awaited<ReturnType<typeof startTemporal>>;
  let mlflow: MlflowServer;
  let client: Client;
  let env: Record<string, string>;

  beforeAll(async () => {
    quiet();
    [temporal, mlflow] = await Promise.all([startTemporal(), startMlflow()]);
    env = { TEMPORAL_ADDRESS: temporal.address, MLFLOW_TRACKING_URI: mlflow.uri };
    client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
    const start = (type: string, workflowId: string) =>
      client.workflow.start(type, { workflowId, taskQueue: 'mediwatch', args: [{}] });
    await (await start('search', 'not ours')).terminate();
    await (await start('retrain', 'retrain-ended')).terminate();
    await start('retrain', 'retrain:at 02:00');
    await start('promote', 'promote-1');
    const registry = createMlflow({ uri: mlflow.uri, timeoutMs: 20_000 });
    await registry.ensureRegisteredModel('Other');
    await registry.ensureRegisteredModel('MediWatchReadmit');
    const experimentId = await registry.ensureExperiment('completion');
    const { runId } = await registry.createRun({ experimentId, name: 'run', tags: {} });
    for (const testAuc of ['0.67', '0.68']) {
      const tags = { test_auc: testAuc };
      await registry.createVersion({ name: 'MediWatchReadmit', source: `runs:/${runId}/model`, runId, tags });
    }
    await registry.close();
  }, 150_000);
  afterAll(async () => {
    await client.connection.close();
    await Promise.all([temporal.stop(), mlflow.stop()]);
  });

  /** Asks until somebody answers in time: on a busy machine a server may take longer than a person would wait. */
  const answered = (line: string, env: Record<string, string>) =>
    until(
      async () => {
        const answer = await inBash(line, env);
        return answer.offered.length > 0 ? answer : null;
      },
      { timeoutMs: 60_000, what: `an answer to ${line}` },
    );

  it('ids of workflows: those that run first, and only those to cancel or to decide', async () => {
    const { offered } = await answered('mediwatch follow ', env);
    expect(offered.slice(0, 2).sort()).toEqual(['promote-1', 'retrain:at\\ 02:00']);
    expect(offered.slice(2)).toEqual(['retrain-ended']);
    expect((await answered('mediwatch cancel retrain', env)).offered).toEqual(['retrain:at\\ 02:00']);
    expect((await answered('mediwatch approve pro', env)).offered).toEqual(['promote-1']);
  });

  it('a value with a colon goes on behind it, in bash', async () => {
    expect((await answered('mediwatch status retrain:a', env)).offered).toEqual(['at\\ 02:00']);
    expect((await answered('mediwatch status "retrain:a', env)).offered).toEqual(['retrain:at 02:00']);
  });

  it('versions, the newest first, with what tells them apart', async () => {
    expect((await answered('mediwatch promote ', env)).offered).toEqual(['2', '1']);
    const { out } = await mediwatch(['__complete', 'zsh', 'rollback', ''], { env });
    expect(out.split('\n')).toEqual(['values', '2\ttest AUC 0.6800', '1\ttest AUC 0.6700', '']);
    expect((await inBash('mediwatch promote --registered-model Other ', env)).offered).toEqual([]);
  });

  it('registered models', async () => {
    expect((await answered('mediwatch steward pause --registered-model ', env)).offered).toEqual([
      'MediWatchReadmit',
      'Other',
    ]);
  });
});

describe('the command', () => {
  it.each(['bash', 'zsh', 'fish'])('says where the script of %s belongs, and gives it as JSON', async (shell) => {
    const { out } = await mediwatch(['completion', shell, '--help']);
    expect(out).toMatch(new RegExp(`mediwatch completion ${shell}\\b.*[>)]`));
    const { out: json } = await mediwatch(['completion', shell, '--json']);
    expect(JSON.parse(json)).toMatchObject({ shell, script: expect.stringContaining('__complete') });
  });

  it('is silent about settings that cannot be used, and completes all the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mediwatch-completion-'));
    try {
      await writeFile(join(folder, 'mediwatch.yaml'), 'serch: {}\n');
      const { code, out, err } = await mediwatch(['__complete', 'zsh', 'st'], { cwd: folder });
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('status\t');
      expect(await mediwatch(['__complete', 'zsh', 'promote', ''], { cwd: folder })).toEqual({
        code: 0,
        out: '',
        err: '',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
