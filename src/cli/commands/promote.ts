import type { StartCommand } from '../startCommand.ts';

export const promote: StartCommand = {
  name: 'promote',
  workflow: 'promote',
  version: true,
  follows: true,
  asks: true,
  examples: [
    ['promote', 'the newest version to Production, if the gate agrees, and redeploy the API'],
    ['promote 3 --stage Staging', 'version 3 to Staging'],
    ['promote 3 --force', 'although the gate refuses'],
    ['promote 3 --approval --strategy canary', 'when a person approves, a share of the traffic first'],
    ['promote 3 --dry-run', 'what would change; the exit code is 3 when the gate refuses'],
  ],
};
