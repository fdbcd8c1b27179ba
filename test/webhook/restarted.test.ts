import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { DriftAlert } from '../../src/contracts/steward.ts';
import { signedHeaders } from '../../src/systems/signature.ts';
import { createWebhook } from '../../src/webhook/server.ts';
import { SECRET } from './support.ts';

it('a request that is replayed to a restarted webhook in another hour makes the same alert', async () => {
  const raised: DriftAlert[] = [];
  const body = '{"reason":"ages differ"}';
  const headers = signedHeaders(SECRET, 'http://webhook/alerts', body, new Date('2026-01-31T01:59:50Z'));
  for (const now of ['2026-01-31T01:59:55Z', '2026-01-31T02:00:05Z']) {
    const app = createWebhook({
      credentials: { secret: SECRET, token: '', toleranceMs: 300_000 },
      models: ['Model'],
      bodyLimit: 1_024,
      reports: {
        read: () => Promise.reject(new Error('no report')),
        judge: () => ({ verdict: 'cannot tell', grounds: { code: 'noRule' }, columns: [] }),
      },
      raise: async (_model, alert) => `steward of ${raised.push(alert)}`,
      log: pino({ level: 'silent' }),
      clock: () => Date.parse(now),
    });
    const url = '/alerts';
    const payload = body;
    const answer = await app.inject({
      method: 'POST',
      url,
      payload,
      headers: { ...headers, 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(202);
    await app.close();
  }
  expect(raised[1]?.key).toBe(raised[0]?.key);
});
