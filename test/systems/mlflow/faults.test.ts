import { createServer, request as forward, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FAILURES } from '../../../src/contracts/errors.ts';
import { failureTypeOf } from '../../../src/systems/mlflow/errors.ts';
import { createMlflow, MlflowError, type MlflowOptions } from '../../../src/systems/mlflow/index.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';

const closing: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function client(uri: string, options: Partial<MlflowOptions> = {}) {
  const mlflow = createMlflow({ uri, timeoutMs: 2_000, ...options });
  closing.push(() => mlflow.close());
  return mlflow;
}

async function listening(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that is not MLflow, or not in its right mind; counts the requests. */
async function faulty(handler: RequestListener) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handler(request, response);
  });
  return { uri: await listening(server), requests };
}

const json =
  (status: number, body: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const page =
  (status: number): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'text/html' }).end('<!doctype html><html><body>Welcome</body></html>');

async function errorOf(call: Promise<unknown>): Promise<MlflowError> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(MlflowError);
  return error as MlflowError;
}

describe('a server that answers 500', () => {
  const body = { error_code: 'INTERNAL_ERROR', message: 'database is locked' };

  test('is asked again for a read, a few times, and then told as retryable', async () => {
    const { uri, requests } = await faulty(json(500, body));
    const error = await errorOf(client(uri).getRun('r1'));
    expect(error).toMatchObject({ status: 500, code: 'INTERNAL_ERROR', retryable: true });
    expect(error.message).toContain(`GET /api/2.0/mlflow/runs/get on MLflow at ${uri} answered 500`);
    expect(error.message).toContain('database is locked');
    expect(requests).toHaveLength(4);
  });

  test('is not asked again for a write, which it may have carried out', async () => {
    const { uri, requests } = await faulty(json(500, body));
    const error = await errorOf(client(uri).createRun({ experimentId: '1', name: 'once' }));
    expect(error.retryable).toBe(true);
    expect(requests).toHaveLength(1);
  });

  test('once, is not noticed by a reader', async () => {
    let failed = false;
    const { uri } = await faulty((request, response) => {
      if (failed) return response.end('3.17.2');
      failed = true;
      return json(503, body)(request, response);
    });
    expect(await client(uri).health()).toBe('3.17.2');
  });
});

describe('a server that answers with what is not MLflow’s', () => {
  test('HTML: asks whether mlflow.uri is right', async () => {
    const { uri } = await faulty(page(200));
    const error = await errorOf(client(uri).ensureExperiment('e'));
    expect(error.message).toMatch(/answered with HTML; is mlflow\.uri right\?/);
    expect(error.retryable).toBe(false);
    expect((await errorOf(client(uri).health())).message).toContain('is not MLflow; is mlflow.uri right?');
  });

  test('a 404 page: asks whether mlflow.uri is right', async () => {
    const { uri } = await faulty(page(404));
    const error = await errorOf(client(uri).ensureExperiment('e'));
    expect(error.message).toMatch(/answered 404: a page in HTML\. MLflow has no such call; is mlflow\.uri right\?/);
    expect(error.retryable).toBe(false);
  });

  test('a 404 of another service: asks whether mlflow.uri is right', async () => {
    const { uri } = await faulty(json(404, { detail: 'Not Found' }));
    const error = await errorOf(client(uri).ensureExperiment('e'));
    expect(error.message).toMatch(/answered 404: Not Found\. MLflow has no such call; is mlflow\.uri right\?/);
  });

  test("a proxy's 502 page: retryable", async () => {
    const { uri } = await faulty(page(502));
    expect(await errorOf(client(uri).getRun('r1'))).toMatchObject({ status: 502, retryable: true });
  });

  test('other JSON: names the field that is wrong', async () => {
    const { uri } = await faulty(json(200, { run: { info: { run_id: 7 } } }));
    const error = await errorOf(client(uri).getRun('r1'));
    expect(error.message).toMatch(/run\.info\.run_id: .*is mlflow\.uri right\?/);
  });

  test('half a JSON document: says so', async () => {
    const { uri } = await faulty((_, response) =>
      response.setHeader('content-type', 'application/json').end('{"run":'),
    );
    expect((await errorOf(client(uri).getRun('r1'))).message).toContain('application/json that is not JSON');
  });

  test('a redirect: names the address', async () => {
    const { uri } = await faulty((_, response) =>
      response.writeHead(302, { location: 'https://login.example/' }).end(),
    );
    const error = await errorOf(client(uri).getRun('r1'));
    expect(error.message).toContain('It redirects to https://login.example/: set mlflow.uri to that.');
  });

  test('another protocol: says so', async () => {
    const uri = await listening(
      createTcpServer((socket) =>
        socket
          .on('error', () => {})
          .resume()
          .end('SSH-2.0-OpenSSH_9.2\r\n'),
      ),
    );
    const error = await errorOf(client(uri).getRun('r1'));
    expect(error.message).toContain('does not speak this protocol');
    expect(error.retryable).toBe(false);
  });
});

describe('access', () => {
  test('refused: names the settings', async () => {
    const { uri } = await faulty((_, response) => response.writeHead(401).end('You are not authenticated.'));
    const error = await errorOf(client(uri).getRun('r1'));
    expect(error.message).toContain('You are not authenticated.');
    expect(failureTypeOf(error)).toBe('MlflowLoginRefused');
    expect(FAILURES.MlflowLoginRefused.next).toMatch(/mlflow\.username.*mlflow\.token/);
  });

  test('is asked for with the credentials given, a user name before a token', async () => {
    const { uri } = await faulty(({ headers }, response) =>
      response.end(`9.9+${headers.authorization?.replace(/ /g, '_')}`),
    );
    expect(await client(uri, { token: 'abc', username: '', password: '' }).health()).toBe('9.9+Bearer_abc');
    const basic = `9.9+Basic_${Buffer.from('ann:pw').toString('base64')}`;
    expect(await client(uri, { token: 'abc', username: 'ann', password: 'pw' }).health()).toBe(basic);
    expect(await client(uri.replace('://', '://ann:pw@')).health()).toBe(basic);
  });

  test('credentials in the address appear in no message', async () => {
    const { uri } = await faulty(json(500, {}));
    const error = await errorOf(client(uri.replace('://', '://ann:secret@')).getRun('r1'));
    expect(error.message).not.toContain('secret');
  });

  test.each(['sqlite:///mlflow.db', './mlruns', 'databricks', ''])('"%s" is no address of a server', (uri) => {
    expect(() => createMlflow({ uri, timeoutMs: 1_000 })).toThrow(/must be the address of a tracking server/);
  });
});

describe('a server that does not answer', () => {
  test('is given up when the time is over', async () => {
    const { uri, requests } = await faulty(() => {});
    const started = Date.now();
    const error = await errorOf(client(uri, { timeoutMs: 700 }).getRun('r1'));
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
    expect(error.message).toContain('no answer within 0.7 s');
    expect(Date.now() - started).toBeLessThan(3_000);
    expect(requests).toHaveLength(1);
  });

  test('in the middle of its answer, too', async () => {
    const { uri } = await faulty((_, response) => response.writeHead(200, { 'content-length': '100' }).write('{'));
    expect(await errorOf(client(uri, { timeoutMs: 700 }).getRun('r1'))).toMatchObject({
      code: 'TIMEOUT',
      retryable: true,
    });
  });

  test('in the middle of a file, too', async () => {
    const { uri } = await faulty((_, response) => response.writeHead(200, { 'content-length': '100' }).write('half'));
    const error = await errorOf(client(uri, { timeoutMs: 700 }).getArtifactText('r1', 'report.html'));
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
  });

  test('is given up at once when the caller gives up, with the caller’s reason', async () => {
    const { uri } = await faulty(() => {});
    const controller = new AbortController();
    const reason = new Error('cancelled by the workflow');
    const call = client(uri, { timeoutMs: 30_000 }).getRun('r1', { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(call).rejects.toBe(reason);
    await expect(client(uri).getRun('r1', { signal: controller.signal })).rejects.toBe(reason);
  });

  test('because nothing listens there, is retryable within bounded time, for reads and writes', async () => {
    const { uri } = await faulty(() => {});
    await closing.pop()?.();
    const started = Date.now();
    const calls = [client(uri).getRun('r1'), client(uri).createRun({ experimentId: '1', name: 'n' })];
    for (const error of await Promise.all(calls.map(errorOf))) {
      expect(error).toMatchObject({ code: 'ECONNREFUSED', retryable: true });
      expect(error.message).toContain(`on MLflow at ${uri}: nothing listens there`);
    }
    expect(Date.now() - started).toBeLessThan(5_000);
  });
});

describe('a real server', () => {
  let server: MlflowServer;

  beforeAll(async () => {
    server = await startMlflow();
  }, 150_000);

  afterAll(async () => {
    await server?.stop();
  }, 30_000);

  test('that refuses its host name tells about --allowed-hosts', async () => {
    // As it is asked from another container, by the name that it has there.
    const { uri } = await faulty((request, response) => {
      const forwarded = forward(`${server.uri}${request.url}`, { headers: { host: 'mlflow:5000' } }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      forwarded.end();
    });
    const error = await errorOf(client(uri).getRun('r1'));
    expect(error).toMatchObject({ status: 403, retryable: false });
    expect(error.message).toContain(`Its host check refuses "${new URL(uri).host}": start it with --allowed-hosts`);
  });

  test('killed in the middle gives retryable errors in bounded time, and works again after its restart', async () => {
    const mlflow = client(server.uri, { timeoutMs: 5_000 });
    const experimentId = await mlflow.ensureExperiment('killed');
    const { runId } = await mlflow.createRun({ experimentId, name: 'survivor' });
    let stopped = false;
    const errors: unknown[] = [];
    const busy = Array.from({ length: 6 }, async (_, index) => {
      while (!stopped) {
        await mlflow.logBatch(runId, { metrics: { [`m${index}`]: 1 } }).catch((error) => {
          errors.push(error);
          stopped = true;
        });
      }
    });
    await server.kill9();
    const started = Date.now();
    await Promise.all(busy);
    expect(Date.now() - started).toBeLessThan(10_000);
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toMatchObject({ name: 'MlflowError', retryable: true });

    await server.restart();
    expect(await mlflow.getRun(runId)).toMatchObject({ name: 'survivor' });
  }, 150_000);
});
