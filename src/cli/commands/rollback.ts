import type { StartCommand } from '../startCommand.ts';

export const rollback: StartCommand = {
  name: 'rollback',
  workflow: 'rollback',
  version: true,
  follows: true,
  asks: true,
  examples: [
    ['rollback', 'back to the version that was in Production before'],
    ['rollback 2 --reason "complaints from ward 7"', 'to version 2, and why'],
    ['rollback --dry-run', 'which version would be back, and what else would change'],
  ],
};
