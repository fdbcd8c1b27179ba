import type { StartCommand } from '../startCommand.ts';

export const train: StartCommand = {
  name: 'train',
  workflow: 'trainBestAndRegister',
  follows: false,
  examples: [
    ['train --follow', 'one model with the default hyperparameters'],
    ['train --param learning_rate=0.05 max_depth=6', 'with these'],
    ['train --model rf', 'the random-forest baseline'],
  ],
};
