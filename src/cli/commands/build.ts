import type { StartCommand } from '../startCommand.ts';

export const build: StartCommand = {
  name: 'build',
  workflow: 'buildImage',
  version: true,
  follows: true,
  examples: [
    ['build', 'the runtime image, if anything that goes into it has changed, and push it'],
    ['build 3', 'an image with version 3 of the model in it'],
  ],
};
