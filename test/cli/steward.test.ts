import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { quiet } from '../support/workers.ts';
import { mediwatch, NOWHERE } from './support.ts';

let temporal: TestTemporal;
let model: string;
let number = 0;

beforeAll(async () => {
  quiet();
  temporal = await startTemporal();
});
afterAll(() => temporal.stop());
beforeEach(() => {
  model = `Steered${++number}`;
});

const env = () => ({
  TEMPORAL_ADDRESS: temporal.address,
  MEDIWATCH_REGISTRY_REGISTERED_MODEL: model,
});
const steward = (...args: string[]) => mediwatch(['steward', ...args], { env: env() });

describe('without a worker', () => {
  it('says that no alert has come yet, and how to retrain meanwhile', async () => {
    const { code, out } = await steward();
    expect([code, out]).toEqual([0, expect.stringContaining('no alert has come yet')]);
    const { out: json } = await steward('status', '--json');
    expect(JSON.parse(json)).toMatchObject({ registeredModel: model, exists: 'none', state: null });
    expect(await steward('resume')).toMatchObject({ code: 0, out: expect.stringContaining('no steward') });
    expect(await steward('retrain-now')).toMatchObject({ code: 1, err: expect.stringContaining('mediwatch retrain') });
  });

  it('says that no worker answers', async () => {
    await mediwatch(['alert'], { env: env() });
    expect(await steward()).toMatchObject({ code: 0, out: expect.stringContaining('no worker answers') });
  });

  it('ends with 4 when Temporal does not answer', async () => {
    expect(await mediwatch(['steward'], { env: { TEMPORAL_ADDRESS: NOWHERE } })).toMatchObject({ code: 4 });
  });
});

describe('with a worker', () => {
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const connection = await NativeConnection.connect({ address: temporal.address });
    const worker = await Worker.create({
      connection,
      taskQueue: TASK_QUEUES.orchestration,
      workflowsPath: fileURLToPath(new URL('fixtures/steward.ts', import.meta.url)),
    });
    const running = worker.run();
    stop = async () => {
      worker.shutdown();
      await running;
      await connection.close();
    };
  });
  afterAll(() => stop());

  it('shows what it does, and the alerts that are pending', async () => {
    await mediwatch(['alert', '--reason', 'ages differ', '--source', 'ward 7'], { env: env() });
    const { code, out } = await steward();
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Steward of ${model}: idle: .*; 1 alert pending`));
    expect(out).toContain('the latest: ages differ (ward 7)');
    expect(out).toContain('http');
    const { out: json } = await steward('--json');
    expect(JSON.parse(json)).toMatchObject({ exists: 'running', state: { phase: 'idle', counted: 1 } });
  });

  it('pauses it, also before the first alert, and lets it go on', async () => {
    expect(await steward('pause', '--reason', 'holidays')).toMatchObject({
      code: 0,
      out: expect.stringContaining('mediwatch steward resume'),
    });
    expect((await steward()).out).toContain(`paused by ${userInfo().username}: holidays`);
    expect(await steward('resume', '--json')).toMatchObject({ code: 0 });
    expect((await steward()).out).toContain('idle');
  });

  it('has it retrain now, once', async () => {
    await steward('pause');
    const dry = await steward('retrain-now', '--dry-run');
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining(`would start a retrain of ${model}`)]);
    const first = await steward('retrain-now', '--by', 'grace', '--reason', 'new codes');
    expect([first.code, first.out]).toEqual([0, expect.stringContaining('as grace asked: new codes')]);
    const second = await steward('retrain-now');
    expect([second.code, second.err]).toEqual([1, expect.stringContaining('retrain-drift-1 is under way')]);
    const late = await steward('retrain-now', '--dry-run');
    expect([late.code, late.err]).toEqual([1, expect.stringContaining('retrain-drift-1 is under way')]);
  });
});
