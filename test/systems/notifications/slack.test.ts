import { expect, it } from 'vitest';
import { NEWS, openNotifier, startReceiver } from './support.ts';

const SECRET_PATH = '/services/T000/B000/geheim';

it('Slack gets blocks, and a text that says it all to receivers without them', async () => {
  const { url, posts } = await startReceiver({ status: 200, body: 'ok' });
  const notifier = await openNotifier([{ kind: 'slack', urlEnv: 'SLACK_URL' }], { SLACK_URL: url });
  expect(await notifier.send(NEWS)).toMatchObject([{ outcome: 'sent' }]);
  const { text, blocks } = JSON.parse(posts[0]?.body ?? '');
  expect(text).toBe(
    ':warning: *A retrain of MediWatchReadmit failed*\nAUC &lt; 0.6 &amp; falling.\nNothing was changed.\n' +
      '<http://127.0.0.1:8233/workflows/retrain-1|Workflow>',
  );
  expect(blocks.map(({ type }: { type: string }) => type)).toEqual(['section', 'section', 'context']);
});

it.each([
  ['http://ui/workflows/retrain-1%2Fpromote', 'http://ui/workflows/retrain-1%2Fpromote'],
  ['http://mlflow/#/models/A%20B?x=1&y=<2|3> 4', 'http://mlflow/#/models/A%20B?x=1&y=%3C2%7C3%3E%204'],
])('the link %s leads where it did', async (url, expected) => {
  const receiver = await startReceiver({ status: 200 });
  const notifier = await openNotifier([{ kind: 'slack', urlEnv: 'SLACK_URL' }], { SLACK_URL: receiver.url });
  await notifier.send({ ...NEWS, links: [{ name: 'Workflow', url }] });
  expect(JSON.parse(receiver.posts[0]?.body ?? '').text).toContain(`\n<${expected}|Workflow>`);
});

it('no part of a notification is longer than Slack takes', async () => {
  const { url, posts } = await startReceiver({ status: 200 });
  const notifier = await openNotifier([{ kind: 'slack', urlEnv: 'SLACK_URL' }], { SLACK_URL: url });
  await notifier.send({ ...NEWS, text: '&'.repeat(4_000) });
  const { blocks } = JSON.parse(posts[0]?.body ?? '');
  for (const block of blocks) expect(block.text?.text.length ?? 0).toBeLessThanOrEqual(3_000);
});

it('its address is secret: it is in no message, also when the receiver repeats it', async () => {
  const { url } = await startReceiver({ status: 403, body: `no access to ${SECRET_PATH}` });
  const address = url.replace('/hook', SECRET_PATH);
  const notifier = await openNotifier([{ kind: 'slack', urlEnv: 'SLACK_URL' }], { SLACK_URL: address });
  const [delivery] = await notifier.send(NEWS);
  expect(delivery).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('no access to ***') });
  expect(JSON.stringify(delivery)).not.toContain('geheim');
});

it('a variable that is not set is named', async () => {
  const notifier = await openNotifier([{ kind: 'slack', urlEnv: 'SLACK_URL' }]);
  expect(await notifier.send(NEWS)).toMatchObject([
    { outcome: 'failed', attempts: 1, detail: expect.stringContaining('SLACK_URL is not set') },
  ]);
});
