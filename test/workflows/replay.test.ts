import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { beforeAll, expect, it } from 'vitest';
import { payloadConverterPath, workflowBundle } from '../../src/bundle.ts';
import { quiet, TEST_BUNDLES } from '../support/workers.ts';

const HISTORIES = join(import.meta.dirname, '..', 'histories');

let codePath: string;
beforeAll(async () => {
  quiet();
  ({ codePath } = await workflowBundle(TEST_BUNDLES));
});

// A history that no longer replays is a workflow under way that this change would break: guard it with `patched`.
it.each(readdirSync(HISTORIES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.binpb')))(
  'the recorded history %s replays with the workflows of today',
  async (name) => {
    const history = proto.temporal.api.history.v1.History.decode(readFileSync(join(HISTORIES, name)));
    const replay = Worker.runReplayHistory(
      { workflowBundle: { codePath }, dataConverter: { payloadConverterPath } },
      history,
      // Children and keys are named after it.
      history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? name,
    );
    await expect(replay).resolves.toBeUndefined();
  },
);

it('there are recorded histories', () => {
  expect(readdirSync(HISTORIES).length).toBeGreaterThan(0);
});
