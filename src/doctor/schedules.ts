import { ConfigError } from '../config.ts';
import type { ScheduleChange } from '../systems/schedules/reconcile.ts';
import { clientOptions } from '../systems/temporal.ts';
import { type Finding, finding } from '../words/findings.ts';
import { type Check, need } from './run.ts';

const LIMIT_MS = 5_000;

/** Temporal has the schedules of mediwatch.yaml, as they are declared. */
export const schedulesCheck: Check = {
  name: 'Schedules',
  async run({ config, temporal }) {
    const connection = await need(temporal(), 'temporal');
    const [{ Client }, { reconcile }] = await Promise.all([
      import('@temporalio/client'),
      import('../systems/schedules/reconcile.ts'),
    ]);
    const client = new Client({ connection, ...clientOptions(config) });
    const compared = connection.withDeadline(Date.now() + LIMIT_MS, () =>
      reconcile(client, config.schedules, { dryRun: true }).catch((error: unknown) => {
        if (error instanceof ConfigError) return error;
        throw error;
      }),
    );
    const changes = await need(compared, 'namespace');
    return changes instanceof ConfigError
      ? [finding('schedulesWrong', { message: changes.message })]
      : judgeSchedules(changes);
  },
};

function judgeSchedules(changes: readonly ScheduleChange[]): Finding[] {
  if (changes.length === 0) return [finding('noSchedules', {})];
  const kept = changes.filter(({ outcome }) => outcome === 'kept').map(({ name }) => name);
  return [
    ...(kept.length > 0 ? [finding('schedulesAsDeclared', { names: kept })] : []),
    ...changes.filter(({ outcome }) => outcome !== 'kept').map(judgeDeviation),
  ];
}

function judgeDeviation({ name, outcome, updates, byHand }: ScheduleChange): Finding {
  switch (outcome) {
    case 'created':
      return finding('scheduleMissing', { name });
    case 'foreign':
      return finding('scheduleForeign', { name });
    case 'undeclared':
      return finding('scheduleUndeclared', { name });
    case 'changedByHand': {
      const [first, ...others] = byHand;
      if (first?.field === 'paused' && first.actual === 'yes' && others.length === 0)
        return finding('schedulePaused', { name });
      return finding('scheduleChangedByHand', { name, fields: byHand.map(({ field }) => field) });
    }
    default:
      return finding('scheduleOutdated', { name, fields: updates.map(({ field }) => field) });
  }
}
