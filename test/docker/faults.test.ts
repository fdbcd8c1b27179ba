import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerError } from '../../src/systems/docker/index.ts';
import { send } from '../gateway/support.ts';
import { dockerProblem, ensureDaemon } from '../support/docker.ts';
import { type Bench, buildFixture, openBench, RECORDS } from './support.ts';

const problem = await dockerProblem();
const skipped = problem ? ` (skipped: ${problem})` : '';
const REPOSITORY = 'mediwatch-test/faults';

describe.skipIf(problem)(`a container that fails${skipped}`, () => {
  let bench: Bench;

  beforeAll(async () => {
    await ensureDaemon();
    await buildFixture(REPOSITORY);
    bench = await openBench({ repository: REPOSITORY, versions: 2, env: { MEDIWATCH_DOCKER_PUSH: 'false' } });
    await bench.deploy('good', '1');
  }, 300_000);

  afterAll(async () => {
    await bench?.close();
  }, 120_000);

  /** Brings up version 2 with a fault; afterwards the old one still serves, and nothing of the new one is left. */
  async function fails(fault: string): Promise<Error & { logTail?: string }> {
    const { bringUp, target } = bench.withDocker({ env: { FIXTURE: fault } });
    const failure = await bringUp(fault, '2', 4_000).then(
      () => new Error('it was taken for good'),
      (error: Error) => error,
    );
    expect(await target.idle()).toEqual([fault]);
    await target.stop(fault, { drainMs: 0 });
    expect(await target.idle()).toEqual([]);
    expect(await bench.containers()).toEqual(['mediwatch-good']);
    const { body } = await send('POST', `${bench.gateway.apiUrl}/predict`, { records: RECORDS });
    expect(body.model_version).toBe('1');
    return failure;
  }

  test('that is never healthy is given up in time', async () => {
    expect((await fails('unhealthy')).message).toMatch(
      /not healthy within 4 s: \/health answers 503: the model is being/,
    );
  });

  test('that serves another version is refused', async () => {
    expect((await fails('wrong-version')).message).toMatch(/it serves version 99 of Small, but version 2/);
  });

  test('that exits at once is not waited for, and the end of its log is in the failure', async () => {
    const startedAt = performance.now();
    const failure = await fails('exit');
    expect(failure.message).toMatch(/it ended before it answered \/health \(it ended with exit code 3\)/);
    expect(failure.message).toMatch(/there is no model in here/);
    expect(failure.logTail).toMatch(/there is no model in here/);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  test('whose prediction fails is refused', async () => {
    expect((await fails('predict-fails')).message).toMatch(/\/predict answers 500: .*the model broke/);
  });

  test('is not taken for that of another version with its key', async () => {
    const other = bench.target.start({ key: 'good', model: 'Small', version: '2' });
    await expect(other).rejects.toThrow(/mediwatch-good is not version 2 of Small but version 1 of Small; it was left/);
  });

  test('cannot be given traffic after it was stopped', async () => {
    await expect(bench.target.shift('exit', 1)).rejects.toThrow(/There is no container of exit/);
  });

  test('of a version that MLflow does not have is never started', async () => {
    const started = bench.target.start({ key: 'absent', model: 'Small', version: '77' });
    await expect(started).rejects.toThrow(DockerError);
    await expect(started).rejects.toMatchObject({ type: 'ModelNotFound', message: /no version 77/ });
  });

  test('whose image is nowhere is a failure that names the image', async () => {
    const { target } = bench.withDocker({ tag: 'absent' });
    await expect(target.start({ key: 'no-image', model: 'Small', version: '2' })).rejects.toThrow(
      /mediwatch-test\/faults/,
    );
    expect(await bench.containers()).toEqual(['mediwatch-good']);
  });

  test('does not stop what serves: that is refused', async () => {
    await expect(bench.target.stop('good', { drainMs: 0 })).rejects.toThrow(/409/);
    expect(await bench.containers()).toEqual(['mediwatch-good']);
  });
});
