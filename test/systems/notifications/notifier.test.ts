import { expect, it } from 'vitest';
import { NEWS, openNotifier, startMailServer, startReceiver } from './support.ts';

it('a target that hangs or fails neither holds up nor fails the others', async () => {
  const [hanging, failing, working] = await Promise.all([
    startReceiver('hang'),
    startReceiver({ status: 400 }),
    startReceiver({ status: 200 }),
  ]);
  const { port, mails } = await startMailServer();
  const notifier = await openNotifier(
    [
      { kind: 'webhook', url: hanging.url },
      { kind: 'webhook', url: failing.url },
      { kind: 'command', command: ['no-such-pager'] },
      { kind: 'webhook', url: working.url },
      { kind: 'email', from: 'm@example.org', to: ['a@example.org'], smtpEnv: 'SMTP' },
    ],
    { SMTP: `smtp://127.0.0.1:${port}` },
  );
  let over = false;
  const sending = notifier.send(NEWS).finally(() => {
    over = true;
  });
  await expect.poll(() => [working.posts.length, mails.length], { timeout: 20_000 }).toEqual([1, 1]);
  expect(over).toBe(false);
  const deliveries = await sending;
  expect(deliveries.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'failed', 'sent', 'sent']);
  expect(deliveries[0]).toMatchObject({ attempts: 1, detail: expect.stringContaining('no answer within') });
  expect(deliveries.map(({ target }) => target)).toEqual([
    'webhook (notifications[0] in mediwatch.yaml)',
    'webhook (notifications[1] in mediwatch.yaml)',
    'command (notifications[2] in mediwatch.yaml)',
    'webhook (notifications[3] in mediwatch.yaml)',
    'email (notifications[4] in mediwatch.yaml)',
  ]);
});

it('a target is sent what it wants, and everything when it is asked for', async () => {
  const { url, posts } = await startReceiver({ status: 200 });
  const notifier = await openNotifier([
    { kind: 'webhook', url },
    { kind: 'webhook', url, events: ['promoted', 'retrainFailed'] },
    { kind: 'webhook', url, events: ['promoted'] },
    { kind: 'webhook', url, minSeverity: 'critical' },
  ]);
  expect((await notifier.send(NEWS)).map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'filtered', 'filtered']);
  expect(posts).toHaveLength(2);
  const all = await notifier.send(NEWS, { everyTarget: true });
  expect(all.map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'sent', 'sent']);
});

it('without targets there is nothing to do', async () => {
  expect(await (await openNotifier([])).send(NEWS)).toEqual([]);
});
