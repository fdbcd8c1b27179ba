import { readdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { closeGateway, groupOf, openGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(() => closeGateway(gateway));

const exited = (key: string) =>
  until(
    async () => {
      const view = await gateway.instance(key);
      return view.state === 'exited' ? view : null;
    },
    { timeoutMs: 15_000, what: `${key} to exit` },
  );

describe('an instance', () => {
  test('is starting, with the reason, until /health answers 200, then running', async () => {
    const started = await gateway.admin('POST', '/instances', {
      key: 'slow',
      model: 'Readmit',
      version: '4',
      runId: 'slow-start',
    });
    expect(started.status).toBe(201);
    expect(started.body).toMatchObject({
      key: 'slow',
      model: 'Readmit',
      version: '4',
      runId: 'slow-start',
      state: 'starting',
    });
    await until(async () => (await gateway.instance('slow')).reason?.includes('503: loading'), {
      timeoutMs: 10_000,
      what: 'the reason of /health',
    });
    await until(async () => (await gateway.instance('slow')).state === 'running', {
      timeoutMs: 10_000,
      what: 'the instance to run',
    });
    expect((await gateway.instance('slow')).reason).toBeUndefined();
  });

  test('that was started under a key is adopted by a second start, also when both come at once', async () => {
    const starts = await Promise.all([1, 2, 3].map(() => gateway.start({ key: 'adopted', version: '5' })));
    const [first] = starts;
    expect(starts.every((one) => one.pid === first?.pid && one.url === first?.url)).toBe(true);
    const again = await gateway.admin('POST', '/instances', { key: 'adopted', model: 'Readmit', version: '5' });
    expect(again.status).toBe(200);
    expect(again.body.pid).toBe(first?.pid);
  });

  test('is not adopted for another version', async () => {
    await gateway.start({ key: 'taken', version: '5' });
    const answer = await gateway.admin('POST', '/instances', { key: 'taken', model: 'Readmit', version: '6' });
    expect(answer.status).toBe(409);
    expect(answer.body.error).toContain('version 5 of Readmit, not to version 6');
  });

  test('that exits shows its exit code and the end of its log, and is not started again', async () => {
    await gateway.start({ key: 'exits', runId: 'exit' });
    const view = await exited('exits');
    expect(view).toMatchObject({ exitCode: 3, reason: 'it exited with code 3' });
    expect(view.logTail).toContain('RESOURCE_DOES_NOT_EXIST');
    expect((await gateway.start({ key: 'exits', runId: 'exit' })).state).toBe('exited');
  });

  test('whose program is missing is exited, with the reason', async () => {
    await gateway.start({ key: 'missing', runId: 'missing' });
    const view = await exited('missing');
    expect(view.reason).toContain('could not be started');
    expect(view.logTail).toContain('/nowhere/python');
    expect((await gateway.admin('DELETE', '/instances/missing')).status).toBe(204);
  });

  test('is gone with all that it started when it is deleted, although it ignores SIGTERM', async () => {
    const short = await openGateway({ graceMs: 300 });
    try {
      const { pid } = await short.run({ key: 'stubborn', runId: 'ignore-sigterm' });
      expect((await short.admin('DELETE', '/instances/stubborn')).status).toBe(204);
      expect(await groupOf(pid)).toEqual([]);
      const parent = await short.run({ key: 'parent', runId: 'grandchild' });
      expect(await groupOf(parent.pid)).toHaveLength(2);
      await short.admin('DELETE', '/instances/parent');
      expect(await groupOf(parent.pid)).toEqual([]);
    } finally {
      await closeGateway(short);
    }
  });

  test('that is deleted twice, or never was, is deleted', async () => {
    await gateway.run({ key: 'twice' });
    const answers = await Promise.all([1, 2].map(() => gateway.admin('DELETE', '/instances/twice')));
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect((await gateway.admin('DELETE', '/instances/never')).status).toBe(204);
    expect((await gateway.admin('GET', '/instances/twice')).status).toBe(404);
  });

  test('keeps its log within bounds, and the gateway keeps the logs of few', async () => {
    const own = await openGateway();
    try {
      for (let number = 0; number < 7; number += 1) {
        await own.start({ key: `log-${number}`, runId: 'exit' });
        await own.admin('DELETE', `/instances/log-${number}`);
      }
      const logs = readdirSync(join(own.dir, 'logs'));
      expect(logs).toContain('api-1-log-6.log');
      expect(logs.length).toBeLessThanOrEqual(6);
    } finally {
      await closeGateway(own);
    }
  });
});

describe('a request that cannot be done', () => {
  test.each([
    ['POST', '/instances', { model: 'm', version: '1' }, 400, 'key'],
    ['POST', '/instances', { key: '../x', model: 'm', version: '1' }, 400, 'key'],
    ['POST', '/instances', { key: 'a', model: 'm', version: '1', port: 1 }, 400, 'port'],
    ['POST', '/traffic', {}, 400, 'key'],
    ['POST', '/traffic', { key: 'absent' }, 404, 'absent'],
    ['GET', '/instances/absent', undefined, 404, 'absent'],
    ['DELETE', '/instances/a?drainMs=-1', undefined, 400, 'drainMs'],
    ['GET', '/nothing', undefined, 404, '/nothing'],
  ])('%s %s %j → %i, naming %s', async (method, path, body, status, named) => {
    const answer = await gateway.admin(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toContain(named);
  });

  test('switches to an instance that is not running', async () => {
    await gateway.start({ key: 'sick', runId: 'never-healthy' });
    const answer = await gateway.admin('POST', '/traffic', { key: 'sick' });
    expect(answer.status).toBe(409);
    expect(answer.body.error).toContain('not running: starting');
    expect((await gateway.admin('GET', '/status')).body.active).toBeNull();
  });
});

describe('the active instance', () => {
  test('is named by /status with the one before it, and is deleted by force only', async () => {
    await gateway.serve({ key: 'one', version: '1' });
    await gateway.run({ key: 'two', version: '2' });
    const switched = await gateway.admin('POST', '/traffic', { key: 'two' });
    expect(switched.body).toEqual({ active: 'two', previous: 'one', candidate: null });
    const { active, previous } = (await gateway.admin('GET', '/status')).body;
    expect([active.version, previous.version]).toEqual(['2', '1']);
    expect((await gateway.admin('DELETE', '/instances/two')).status).toBe(409);
    expect((await gateway.admin('DELETE', '/instances/two?force=true')).status).toBe(204);
    expect((await gateway.admin('GET', '/status')).body.active).toBeNull();
    expect((await gateway.api('GET', '/health')).status).toBe(503);
  });

  test('that is deleted by force goes on answering while nobody can write down that nothing does', async () => {
    await gateway.serve({ key: 'one', version: '1' });
    const state = join(gateway.dir, 'gateway', 'state.json');
    await rename(state, `${state}.aside`);
    await mkdir(join(state, 'in the way'), { recursive: true });
    expect((await gateway.admin('DELETE', '/upstreams/one?force=true')).status).toBe(500);
    expect((await gateway.api('GET', '/health')).body.model_version).toBe('1');
    await rm(state, { recursive: true });
    await rename(`${state}.aside`, state);
    expect((await gateway.admin('DELETE', '/upstreams/one?force=true')).status).toBe(204);
    expect(JSON.parse(await readFile(state, 'utf8'))).toEqual({ active: null });
  });
});
