import type { StartCommand } from '../startCommand.ts';

export const search: StartCommand = {
  name: 'search',
  workflow: 'hyperparameterSearch',
  follows: false,
  examples: [
    ['search --follow', 'a search alone: nothing is registered'],
    ['search --trials 100 --parallel 4', 'a long one'],
  ],
};
