import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withoutInnerAddress } from '../../src/gateway/message.ts';
import { until } from '../support/until.ts';
import { closeGateway, openGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway({ requestTimeoutMs: 500 });
  await gateway.serve({ key: 'first', version: '7' });
});
afterAll(() => closeGateway(gateway));

test('before any deployment a request is answered at once with what to do', async () => {
  const empty = await openGateway();
  const answer = await empty.api('POST', '/predict', { records: [] });
  await closeGateway(empty);
  expect(answer.status).toBe(503);
  expect(answer.body).toEqual({ error: 'No model version is deployed.', next: 'run mediwatch retrain' });
  expect(answer.headers['retry-after']).toBe('2');
});

describe('a request', () => {
  test('reaches the API as it was sent, and the answer says which version gave it', async () => {
    const answer = await gateway.api('POST', '/predict', { records: [{ age: 1 }, { age: 2 }] });
    expect(answer.status).toBe(200);
    expect(answer.body.predictions).toHaveLength(2);
    expect(answer.headers['x-mediwatch-version']).toBe('7');
  });

  test('keeps its path, its query and its own headers, and loses those of the connection', async () => {
    const answer = await request(`${gateway.apiUrl}/headers?a=1&b=%2F..%2F&a=2`, {
      headers: { 'x-mediwatch-verify': '1', te: 'trailers', 'proxy-connection': 'keep-alive' },
    });
    const { url, headers } = (await answer.body.json()) as { url: string; headers: Record<string, string> };
    expect(url).toBe('/headers?a=1&b=%2F..%2F&a=2');
    expect(headers['x-mediwatch-verify']).toBe('1');
    expect(headers.te).toBeUndefined();
    expect(headers['proxy-connection']).toBeUndefined();
  });

  test('may wait for 100-continue before it sends its body', async () => {
    const raw = await speak(
      'POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi',
    );
    expect(raw).toContain('100 Continue');
    expect(raw).toContain('\r\nhi\r\n');
  });

  test('of any type and without a length is passed on byte by byte', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    const answer = await request(`${gateway.apiUrl}/echo`, {
      method: 'POST',
      body: Readable.from([bytes, bytes]),
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(Buffer.from(await answer.body.arrayBuffer())).toEqual(Buffer.concat([bytes, bytes]));
    expect(answer.headers['content-type']).toBe('application/octet-stream');
  });

  test('gets its answer in pieces, as the API sends them', async () => {
    const answer = await request(`${gateway.apiUrl}/stream`);
    const times: number[] = [];
    for await (const _piece of answer.body) times.push(performance.now());
    expect(times.length).toBeGreaterThanOrEqual(3);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(100);
  });

  test('may send its body in pieces, and the API gets it whole', async () => {
    async function* pieces() {
      yield 'first ';
      yield 'last';
    }
    const answer = await request(`${gateway.apiUrl}/echo`, { method: 'POST', body: Readable.from(pieces()) });
    expect(await answer.body.text()).toBe('first last');
  });

  test('over 32 MiB is refused, with its length announced or not', async () => {
    const large = Buffer.alloc(33 * 2 ** 20);
    for (const body of [large, Readable.from([large.subarray(0, 2 ** 24), large.subarray(2 ** 24)])]) {
      const answer = await request(`${gateway.apiUrl}/crash-after-body`, { method: 'POST', body }).catch(() => null);
      // A server may close the connection while the client still sends; then there is no answer to read.
      if (answer)
        expect([answer.statusCode, await answer.body.json()]).toMatchObject([413, { next: expect.any(String) }]);
    }
    expect((await gateway.api('GET', '/health')).status).toBe(200);
  });

  test('is answered with 504 when the API does not answer in time', async () => {
    const answer = await gateway.api('GET', '/hang');
    expect(answer.status).toBe(504);
    expect(answer.body.error).toBe('Version 7 did not answer in time.');
  });

  test('for a path that the API does not have gets the answer of the API', async () => {
    expect(await gateway.api('GET', '/none')).toMatchObject({ status: 404, body: { detail: 'Not Found' } });
  });

  test('that the API cannot serve now is not sent again: only its client knows whether to', async () => {
    expect((await gateway.api('GET', '/unavailable')).status).toBe(503);
    expect((await gateway.api('GET', '/unavailable/count')).body).toBe(1);
  });

  test('whose answer has not changed gets that without a body, though the API tells its length', async () => {
    const before = (await gateway.admin('GET', '/status')).body.requests.failed;
    const raw = await speak('GET /unchanged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(raw).toMatch(/^HTTP\/1.1 304 .*etag: "a"/s);
    expect(raw).toMatch(/\r\n\r\n$/);
    expect((await gateway.admin('GET', '/status')).body.requests.failed).toBe(before);
  });

  test('may name the whole address', async () => {
    const raw = await speak('GET http://x:1/headers?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(raw).toContain('"url":"/headers?a=1"');
  });

  test('of any method reaches the API, whose headers come back without a body for HEAD', async () => {
    for (const method of ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']) {
      expect((await gateway.api(method, '/none')).status).toBe(404);
    }
    const raw = await speak('HEAD //headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(raw).toMatch(/^HTTP\/1.1 404 .*x-mediwatch-version: 7/s);
    expect(raw).toMatch(/\r\n\r\n$/);
  });

  test('cannot leave the API by its path', async () => {
    const raw = await speak('GET /%2e%2e/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(raw).toContain('HTTP/1.1 400');
  });

  test('that its client gives up is no longer counted as open', async () => {
    const before = (await gateway.admin('GET', '/status')).body.requests;
    await request(`${gateway.apiUrl}/hang`, { signal: AbortSignal.timeout(100) }).catch(() => {});
    await until(async () => (await gateway.admin('GET', '/status')).body.requests.inFlight === 0, {
      timeoutMs: 3_000,
      what: 'no open request',
    });
    const after = (await gateway.admin('GET', '/status')).body.requests;
    expect(after.total).toBe(before.total + 1);
    expect(after.failed).toBe(before.failed + 1);
  });
});

describe('an API that dies', () => {
  test('while it works on a request costs that request, which is sent only once', async () => {
    await gateway.serve({ key: 'dies', version: '8' });
    const answer = await gateway.api('POST', '/crash-after-body', { records: [] });
    expect(answer.status).toBe(502);
    expect(answer.body.error).toContain('Version 8 closed the connection');
  });

  test('is not there for a moment: requests get 503 with the reason, then it answers again', async () => {
    await gateway.serve({ key: 'back', version: '9' });
    const before = await gateway.instance('back');
    process.kill(before.pid ?? 0, 'SIGKILL');
    const refused = await until(
      async () => {
        const answer = await gateway.api('GET', '/health');
        return answer.status === 503 ? answer : null;
      },
      { timeoutMs: 5_000, what: 'a refusal' },
    );
    expect(refused.headers['retry-after']).toBe('2');
    expect(refused.body.error).toContain('ersion 9');
    const after = await until(
      async () => {
        const answer = await gateway.api('GET', '/health');
        return answer.status === 200 ? answer : null;
      },
      { timeoutMs: 15_000, what: 'the version to answer again' },
    );
    expect(after.headers['x-mediwatch-version']).toBe('9');
    expect((await gateway.instance('back')).pid).not.toBe(before.pid);
  });
});

/** Sends raw bytes and reads until the gateway closes the connection. */
function speak(text: string): Promise<string> {
  const { port } = new URL(gateway.apiUrl);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.once('error', reject).once('close', () => resolve(received));
  });
}

describe('a redirect of the API', () => {
  test.each([
    ['http://127.0.0.1:8123/docs/?a=1#top', '/docs/?a=1#top'],
    ['https://localhost:8123/', '/'],
    ['//127.0.0.1:8123/x', '/x'],
    ['../docs', '../docs'],
    ['https://login.example.org/?next=/docs', 'https://login.example.org/?next=/docs'],
    ['http://127.0.0.1:9999/docs', 'http://127.0.0.1:9999/docs'],
  ])('to %s leads the client to %s', (location, outer) => {
    expect(withoutInnerAddress({ location, vary: 'x' }, 'http://127.0.0.1:8123')).toEqual({
      location: outer,
      vary: 'x',
    });
  });
});
