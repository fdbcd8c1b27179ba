import type { Plan } from '../contracts/plan.ts';
import type { Promotion } from '../contracts/registry.ts';
import { duration } from './time.ts';

/** What each workflow would change, a sentence a change, in their order: the wording of dry runs, in one place. */
export const would = {
  promote({ version, stage, champion }: Promotion, { stagingFirst, approval }: Plan): string[] {
    if (stage === 'Staging') return [`Version ${version} would move to Staging.`];
    return [
      ...(stagingFirst ? [`An API of version ${version} would be tried in Staging.`] : []),
      ...(approval.required
        ? [
            `A person would be asked to approve version ${version}, for ${duration(approval.expireAfterSeconds * 1000)}.`,
          ]
        : []),
      `Version ${version} would move to Production as the champion.`,
      ...(champion === null ? [] : [`Version ${champion} would leave it for Staging, as the one to roll back to.`]),
    ];
  },

  /** @param serving version that answers now; null: none */
  deploy(version: string, serving: string | null, { rollout }: Plan): string[] {
    if (serving === null) return [`An API of version ${version} would be started, verified, and given all requests.`];
    const move = MOVES[rollout.strategy](`${Math.round(rollout.share * 100)} %`);
    return [
      `An API of version ${version} would be started beside the one of version ${serving}, verified, and given ${move}.`,
      'The one that answers now would be stopped once its open requests are answered.',
    ];
  },

  /** @param left version in Production now; null: none */
  rollBack(version: string, left: string | null, reason: string): string[] {
    if (left === null) return [`Version ${version} would be in Production.`];
    return [
      `Version ${version} would be back in Production in place of version ${left}.`,
      `Version ${left} would be marked as rolled back (${reason}).`,
    ];
  },
};

const MOVES: Record<Plan['rollout']['strategy'], (share: string) => string> = {
  atOnce: () => 'all requests at once',
  canary: (share) => `${share} of the requests, then all of them`,
  linear: (share) => `the requests in steps of ${share}`,
};

/** The end of a dry run, for its page and the command. */
export function dryRunText(sentences: readonly string[]): string {
  const found = sentences.length > 0 ? sentences.join(' ') : 'Nothing would be changed.';
  return `Dry run, nothing was changed. ${found}`;
}
