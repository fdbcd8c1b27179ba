import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { NEWS, openNotifier, startReceiver } from './support.ts';

describe('a webhook', () => {
  it('gets the notification as JSON, without a signature when there is no secret', async () => {
    const { url, posts } = await startReceiver({ status: 204 });
    const notifier = await openNotifier([{ kind: 'webhook', url }]);
    const [delivery] = await notifier.send(NEWS);
    expect(delivery).toEqual({
      target: 'webhook (notifications[0] in mediwatch.yaml)',
      outcome: 'sent',
      attempts: 1,
      detail: '',
    });
    expect(posts).toHaveLength(1);
    expect(JSON.parse(posts[0]?.body ?? '')).toEqual(NEWS);
    expect(posts[0]).toMatchObject({ path: '/hook', headers: { 'content-type': 'application/json' } });
    expect(posts[0]?.headers).not.toHaveProperty('x-mediwatch-signature');
  });

  it('can verify who sent it and when, in each attempt', async () => {
    const { url, posts } = await startReceiver({ status: 500 }, { status: 200 });
    const notifier = await openNotifier([{ kind: 'webhook', url, secretEnv: 'HOOK_SECRET' }], {
      HOOK_SECRET: 'geheim',
    });
    const before = Math.floor(Date.now() / 1_000);
    await notifier.send(NEWS);
    expect(posts).toHaveLength(2);
    for (const { headers, body } of posts) {
      const timestamp = String(headers['x-mediwatch-timestamp']);
      const expected = createHmac('sha256', 'geheim').update(`${timestamp}\nPOST\n/hook\n${body}`).digest('hex');
      expect(headers['x-mediwatch-signature']).toBe(`sha256=${expected}`);
      expect(Number(timestamp)).toBeGreaterThanOrEqual(before);
      expect(body).not.toContain('geheim');
    }
  });

  it('is sent the user and password of its address', async () => {
    const { url, posts } = await startReceiver({ status: 200 });
    const notifier = await openNotifier([{ kind: 'webhook', url: url.replace('//', '//ward7:geheim@') }]);
    expect((await notifier.send(NEWS))[0]?.outcome).toBe('sent');
    expect(posts[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ward7:geheim').toString('base64')}`);
  });
});

describe('it is tried again', () => {
  it('after faults of the receiver, with the same id', async () => {
    const { url, posts } = await startReceiver({ status: 500 }, { status: 503 }, { status: 200 });
    const notifier = await openNotifier([{ kind: 'webhook', url }]);
    expect(await notifier.send(NEWS)).toMatchObject([{ outcome: 'sent', attempts: 3 }]);
    expect(posts.map(({ body }) => JSON.parse(body).id)).toEqual([NEWS.id, NEWS.id, NEWS.id]);
  });

  it('when the receiver asks for patience, and the time allows it', async () => {
    const soon = await startReceiver({ status: 429, headers: { 'retry-after': '0' } }, { status: 200 });
    const late = await startReceiver({ status: 429, headers: { 'retry-after': '3600' } }, { status: 200 });
    const notifier = await openNotifier([
      { kind: 'webhook', url: soon.url },
      { kind: 'webhook', url: late.url },
    ]);
    expect(await notifier.send(NEWS)).toMatchObject([
      { outcome: 'sent', attempts: 2 },
      { outcome: 'failed', attempts: 1, detail: expect.stringContaining('minSeverity') },
    ]);
  });

  it('where nothing listens, until its patience ends', async () => {
    const notifier = await openNotifier([{ kind: 'webhook', url: 'http://127.0.0.1:1/hook' }]);
    expect(await notifier.send(NEWS)).toMatchObject([
      { outcome: 'failed', attempts: 4, detail: expect.stringContaining('127.0.0.1:1 cannot be reached') },
    ]);
  });
});

describe('it is not tried again', () => {
  it.each([
    [400, 'Check the address'],
    [401, 'secret'],
    [404, 'nothing takes notifications there'],
    [302, 'refers to'],
  ])('after %i, which says what to do', async (status, advice) => {
    const { url, posts } = await startReceiver({ status, body: 'no such room' });
    const notifier = await openNotifier([{ kind: 'webhook', url }]);
    const [delivery] = await notifier.send(NEWS);
    expect(delivery).toMatchObject({ outcome: 'failed', attempts: 1 });
    for (const part of [`answered ${status}: no such room`, advice]) expect(delivery?.detail).toContain(part);
    expect(posts).toHaveLength(1);
  });

  it.each(['mail.example.org', 'ftp://example.org/hook'])('when its address is %s', async (url) => {
    const notifier = await openNotifier([{ kind: 'webhook', url }]);
    const [delivery] = await notifier.send(NEWS);
    expect(delivery).toMatchObject({
      outcome: 'failed',
      attempts: 1,
      detail: expect.stringContaining('not one of HTTP'),
    });
  });
});

it('a "%" in the user or password of its address stands for itself where it encodes nothing', async () => {
  const { url, posts } = await startReceiver({ status: 200 });
  const notifier = await openNotifier([{ kind: 'webhook', url: url.replace('//', '//50%off:p%40ss%@') }]);
  expect(await notifier.send(NEWS)).toMatchObject([{ outcome: 'sent' }]);
  const authorization = `Basic ${Buffer.from('50%off:p@ss%').toString('base64')}`;
  expect(posts).toMatchObject([{ headers: { authorization } }]);
});
