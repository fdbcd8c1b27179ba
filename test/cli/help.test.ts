import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../src/contracts/workflows.ts';
import { mediwatch } from './support.ts';

const STARTING = ['retrain', 'prepare', 'search', 'train', 'promote', 'rollback', 'redeploy', 'build'];
const COMMANDS = [
  ...STARTING,
  'approve',
  'reject',
  'drift',
  'steward',
  'schedules',
  'status',
  'follow',
  'history',
  'doctor',
  'cancel',
  'completion',
  'help',
];

async function helpOf(...args: string[]): Promise<string> {
  const { code, out, err } = await mediwatch([...args, '--help']);
  expect([code, err]).toEqual([0, '']);
  return out;
}

describe('--help', () => {
  it.each([
    [['drift', 'gate'], 'no drift'],
    [['drift', 'report'], 'no drift'],
    [['alert'], 'raised'],
  ])('of %j tells its own exit codes', async (command, meaning) => {
    const help = await helpOf(...command);
    expect(help).toMatch(new RegExp(`^  0 +${meaning}`, 'm'));
    expect(help).not.toContain('done');
    expect(help).toContain('Examples:');
  });

  it('lists every command', async () => {
    const help = await helpOf();
    for (const command of COMMANDS) expect(help).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
  });

  it.each([[], ...COMMANDS.map((command) => [command])])(
    'of %s tells exit codes, environment and --json',
    async (...args) => {
      const help = await helpOf(...args);
      for (const code of [0, 1, 2, 3, 4, 130]) expect(help).toMatch(new RegExp(`^  ${code} +\\w`, 'm'));
      for (const text of ['--json', 'MEDIWATCH_CONFIG', 'TEMPORAL_ADDRESS', 'NO_COLOR', 'Examples:']) {
        expect(help).toContain(text);
      }
    },
  );

  it('of several words is that of the command which they name', async () => {
    const { code, out } = await mediwatch(['help', 'steward', 'retrain-now']);
    expect([code, out]).toEqual([0, await helpOf('steward', 'retrain-now')]);
  });

  it('with --json is one document with the same text', async () => {
    const { code, out, err } = await mediwatch(['help', 'retrain', '--json']);
    expect([code, err, JSON.parse(out)]).toEqual([0, '', { help: await helpOf('retrain') }]);
  });

  it('shows the defaults that the settings give', async () => {
    const { out } = await mediwatch(['retrain', '--help'], { env: { MEDIWATCH_SEARCH_TRIALS: '7' } });
    expect(out).toContain('default: 7 (search.trials)');
  });

  it('every example is one that the command line takes', async () => {
    const others = [
      ['drift', 'check'],
      ['steward'],
      ['steward', 'pause'],
      ['steward', 'resume'],
      ['steward', 'retrain-now'],
    ];
    const commands = [...STARTING.map((command) => [command]), ...others];
    const help = (await Promise.all(commands.map((command) => helpOf(...command)))).join('\n');
    const examples = [...help.matchAll(/^ {2}mediwatch (.+?)(?: \| .*?)? {2,}\S/gm)].map(([, line]) => line as string);
    expect(examples.length).toBeGreaterThan(STARTING.length);
    const codes = examples.map(async (example) => {
      const words = example.match(/"[^"]*"|\S+/g)?.map((word) => word.replaceAll('"', '')) ?? [];
      return [example, (await mediwatch(words)).code];
    });
    // Nothing is wrong with any: each gets as far as Temporal, which is not there.
    // The dry run of a retrain asks nobody.
    const expected = (example: string) => (/^retrain .*--dry-run/.test(example) ? 0 : 4);
    expect(await Promise.all(codes)).toEqual(examples.map((example) => [example, expected(example)]));
  });

  it('offers every field of an input that can be typed', async () => {
    const notTyped = ['dataset', 'parentRunId', 'runId', 'searchTrials', 'underLockOf', 'rules'];
    const workflows = {
      retrain: 'retrain',
      prepare: 'prepareData',
      search: 'hyperparameterSearch',
      train: 'trainBestAndRegister',
      promote: 'promote',
      rollback: 'rollback',
      redeploy: 'redeploy',
      build: 'buildImage',
    } as const;
    const flags: Record<string, string> = {
      params: '--param',
      redeploy: '--no-redeploy',
      registryStage: '--stage',
      version: '[version]',
    };
    for (const [command, workflow] of Object.entries(workflows)) {
      const help = await helpOf(command);
      for (const field of Object.keys(WORKFLOWS[workflow].input.shape)) {
        if (notTyped.includes(field)) continue;
        expect(help).toContain(flags[field] ?? `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
      }
    }
  });
});
