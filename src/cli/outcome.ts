import { z } from 'zod';
import { Promotion } from '../contracts/registry.ts';
import { WouldChange } from '../contracts/workflows.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Ending } from './follow/ending.ts';

/** Results with a promotion, a retrain's and a promote's, or what a dry run of one found. */
const WithPromotion = z.object({ promotion: Promotion.nullable(), would: z.array(WouldChange).nullish() });

/** Failures that are a decision not to promote. */
const REFUSALS = new Set<string>(['PromotionRefused', 'ApprovalRejected']);

/** The exit code of a followed workflow. */
export function exitCodeOf(ending: Ending): ExitCode {
  if (ending.state === 'completed') {
    const { data } = WithPromotion.safeParse(ending.result);
    const wouldPromote = (data?.would?.length ?? 0) > 0;
    return data?.promotion?.promoted === false && !wouldPromote ? EXIT.notPromoted : EXIT.done;
  }
  if (ending.state === 'failed') return REFUSALS.has(ending.failure.type ?? '') ? EXIT.notPromoted : EXIT.failed;
  return EXIT.interrupted;
}
