import type { StartCommand } from '../startCommand.ts';

export const redeploy: StartCommand = {
  name: 'redeploy',
  workflow: 'redeploy',
  version: true,
  follows: true,
  asks: true,
  examples: [
    ['redeploy', 'the version in Production'],
    ['redeploy 3 --detach', 'version 3, without waiting'],
    ['redeploy --dry-run', 'what would be started and stopped'],
  ],
};
