import type { Plan } from '../../contracts/plan.ts';
import { type Ending, ITSELF, type Steward } from '../../domain/steward.ts';
import { pageOf } from '../../words/details.ts';
import { tell } from './notify.ts';

/** Tells people that alerts are still not answered, and that the steward pauses if it does. Nothing waits for it. */
export function tellOfFailure(before: Steward, after: Steward, { words }: Ending, plan: Plan): void {
  const { registeredModel, failures, rest, paused } = after;
  const workflowId = before.current?.workflowId ?? '';
  const links = [{ name: 'Retrain', url: pageOf(plan.links.temporalUi, workflowId) }];
  const next = rest ? ` The next is not started before ${new Date(rest.until).toISOString()}.` : '';
  void tell(plan, {
    event: 'retrainFailed',
    severity: 'warning',
    title: `The drift steward of ${registeredModel} backs off: its retrain failed`,
    text: `${words}\n\nRetrains that failed in a row: ${failures}.${next}`,
    links,
  });
  if (before.paused !== null || paused?.by !== ITSELF) return;
  void tell(plan, {
    event: 'stewardPaused',
    severity: 'critical',
    title: `The drift steward of ${registeredModel} has paused itself`,
    text: `${paused.reason}\n\nAlerts are kept, and start nothing until somebody types: mediwatch steward resume`,
    links,
  });
}
