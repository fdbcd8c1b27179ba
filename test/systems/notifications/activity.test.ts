import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { createNotificationActivities } from '../../../src/activities/orchestration.ts';
import { NEWS, openNotifier, startReceiver } from './support.ts';

it('the activity fails for no target, and its result names those that were not told', async () => {
  const { url, posts } = await startReceiver({ status: 200 });
  const notifier = await openNotifier([
    { kind: 'command', command: ['no-such-pager'] },
    { kind: 'webhook', url },
  ]);
  const { notify } = createNotificationActivities({ notifier });
  const deliveries = await new MockActivityEnvironment().run(notify, NEWS);
  expect(deliveries).toMatchObject([{ outcome: 'failed' }, { outcome: 'sent' }]);
  expect(posts).toHaveLength(1);
});
