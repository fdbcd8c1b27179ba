import type { Command } from 'commander';
import { addDecision } from '../approval/command.ts';
import type { Cli } from '../cli.ts';

export function addApprove(program: Command, cli: Cli): void {
  addDecision(program, cli, {
    decision: 'approve',
    about: 'Approves a promotion that waits for a decision. What it rests on is shown first.',
    examples: [
      ['approve promote-2026-01-31T02-00-00-000Z', 'shows the evidence and asks'],
      ['approve promote-2026-01-31T02-00-00-000Z --follow', 'and stays until the version serves'],
      ['approve retrain-2026-01-31T02-00-00-000Z --yes --reason "agreed in the board"', 'the promotion of a retrain'],
    ],
  });
}
