import type { StartCommand } from '../startCommand.ts';

export const redeploy: StartCommand = {
  name: 'redeploy',
  workflow: 'redeploy',
  version: true,
  flags: ['strategy', 'registeredModel'],
  follows: true,
  examples: [
    ['redeploy', 'the version in Production'],
    ['redeploy 3 --detach', 'version 3, without waiting'],
  ],
};
