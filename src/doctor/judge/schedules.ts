import type { ScheduleChange } from '../../systems/schedules/reconcile.ts';
import { type Finding, ok, problem, warning } from '../finding.ts';
import { counted, listed } from '../lib/words.ts';

/** Whether Temporal has the schedules as they are declared. */
export function judgeSchedules(changes: readonly ScheduleChange[]): Finding[] {
  if (changes.length === 0) return [ok('none is declared in mediwatch.yaml')];
  const kept = changes.filter(({ outcome }) => outcome === 'kept').map(({ name }) => name);
  const deviations = changes.filter(({ outcome }) => outcome !== 'kept').map(judgeOne);
  return [
    ...(kept.length > 0 ? [ok(`${counted(kept.length, 'schedule')} as declared: ${listed(kept)}`)] : []),
    ...deviations,
  ];
}

function judgeOne({ name, outcome, updates, byHand }: ScheduleChange): Finding {
  switch (outcome) {
    case 'created':
      return warning(`${name} is declared, but not in Temporal: it starts nothing`, 'mediwatch schedules apply');
    case 'foreign':
      return problem(
        `${name} in Temporal was not made by MediWatch: the declared one starts nothing`,
        'rename it in the section schedules of mediwatch.yaml, and apply',
      );
    case 'undeclared':
      return warning(`${name} is not declared any more, and goes on`, 'mediwatch schedules apply --prune');
    case 'changedByHand':
      if (byHand.length === 1 && byHand[0]?.field === 'paused' && byHand[0].actual === 'yes') {
        return warning(`${name} was paused by hand: it starts nothing`, `mediwatch schedules resume ${name}`);
      }
      return warning(`${name} was changed by hand (${fields(byHand)})`, 'mediwatch schedules apply --overwrite');
    default:
      return warning(`${name} in Temporal is not as declared now (${fields(updates)})`, 'mediwatch schedules apply');
  }
}

const fields = (differences: ScheduleChange['updates']) => listed(differences.map(({ field }) => field));
