import type { StartCommand } from '../startCommand.ts';

export const retrain: StartCommand = {
  name: 'retrain',
  workflow: 'retrain',
  flags: [
    'trials',
    'parallel',
    'model',
    'data',
    'seed',
    'stage',
    'maxAucLoss',
    'policy',
    'approval',
    'stagingFirst',
    'strategy',
    'redeploy',
    'force',
    'registeredModel',
    'trigger',
    'report',
  ],
  follows: false,
  examples: [
    ['retrain --follow', 'with the settings of mediwatch.yaml'],
    ['retrain --trials 50 --parallel 2', 'a longer search, two trials at once'],
    ['retrain --model rf --trials 0 --stage Staging', 'the baseline, without a search, not to Production'],
    ['retrain --id nightly-2026-01-31', 'once for this id, however often it is called'],
    ['retrain --follow --json | tail -1', 'what came of it, for a script'],
  ],
};
