import type { StartCommand } from '../startCommand.ts';

export const retrain: StartCommand = {
  name: 'retrain',
  workflow: 'retrain',
  follows: false,
  asks: true,
  rehearse: async (cli, input) => {
    const { rehearseRetrain } = await import('../production/rehearseRetrain.ts');
    await rehearseRetrain(cli, input);
  },
  examples: [
    ['retrain --follow', 'with the settings of mediwatch.yaml'],
    ['retrain --trials 50 --parallel 2', 'a longer search, two trials at once'],
    ['retrain --model rf --trials 0 --stage Staging', 'the baseline, without a search, not to Production'],
    ['retrain --trials 50 --dry-run', 'what it would do, step by step; needs no worker'],
    ['retrain --id nightly-2026-01-31', 'once for this id, however often it is called'],
    ['retrain --follow --json | tail -1', 'what came of it, for a script'],
  ],
};
