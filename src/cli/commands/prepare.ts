import type { StartCommand } from '../startCommand.ts';

export const prepare: StartCommand = {
  name: 'prepare',
  workflow: 'prepareData',
  follows: false,
  examples: [
    ['prepare --follow', 'the data of data.path'],
    ['prepare --data new.csv --force', 'another file, though its data set may exist'],
  ],
};
