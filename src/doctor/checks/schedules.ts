import { ConfigError } from '../../config.ts';
import { type Check, need } from '../check.ts';
import { problem } from '../finding.ts';
import { judgeSchedules } from '../judge/schedules.ts';

const LIMIT_MS = 5_000;

/** Temporal has the schedules of mediwatch.yaml, as they are declared. */
export const schedulesCheck: Check = {
  name: 'Schedules',
  async run({ config, temporal }) {
    const connection = await need(temporal(), 'Temporal does not answer');
    const { namespace } = config.temporal;
    const [{ Client }, { reconcile }] = await Promise.all([
      import('@temporalio/client'),
      import('../../systems/schedules/reconcile.ts'),
    ]);
    const client = new Client({ connection, namespace });
    const looked = connection.withDeadline(Date.now() + LIMIT_MS, () =>
      reconcile(client, config.schedules, { dryRun: true }).catch((error: unknown) => {
        if (error instanceof ConfigError) return error;
        throw error;
      }),
    );
    const changes = await need(looked, `Temporal does not tell of namespace "${namespace}"`);
    if (changes instanceof ConfigError) {
      return [
        problem(
          changes.message.replace(/\s*\n\s*/g, ' '),
          'correct the section schedules of mediwatch.yaml, and: mediwatch schedules apply',
        ),
      ];
    }
    return judgeSchedules(changes);
  },
};
