import type { Command } from 'commander';
import { addDecision } from '../approval/command.ts';
import type { Cli } from '../cli.ts';

export function addReject(program: Command, cli: Cli): void {
  addDecision(program, cli, {
    decision: 'reject',
    about:
      'Rejects a promotion that waits for a decision. What it rests on is shown first, and Production stays as it is.',
    examples: [
      ['reject promote-2026-01-31T02-00-00-000Z --reason "worse for children"', 'shows the evidence and asks'],
    ],
  });
}
