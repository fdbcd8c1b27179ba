import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import { until } from '../support/until.ts';
import { createWorkflowBench, failureOf, type WorkflowBench } from '../support/workflowBench.ts';
import { createWorld, type World } from '../support/world.ts';
import { jsonLines, mediwatch } from './support.ts';

let bench: WorkflowBench;
let world: World;
let env: Record<string, string>;

beforeAll(async () => {
  bench = await createWorkflowBench();
  env = { TEMPORAL_ADDRESS: (bench.client.connection as Connection).options.address };
});
afterAll(() => bench.close());
beforeEach(() => setWorld({ MEDIWATCH_APPROVAL_REQUIRED: 'true' }));

function setWorld(settings: Record<string, string>): void {
  world = createWorld(settings);
  bench.world = world;
}

const inProduction = () => world.versions.find(({ stage }) => stage === 'Production')?.version;

/** A promotion of the first version, waiting for a decision. */
async function waitingPromotion() {
  await bench.run('retrain', { trials: 1, registryStage: 'None' });
  const handle = await bench.start('promote', { version: '1' });
  await untilWaiting(handle.workflowId);
  return handle;
}

async function untilWaiting(workflowId: string): Promise<void> {
  const waits = async () => {
    const progress = await bench.client.workflow
      .getHandle(workflowId)
      .query<Progress>('progress')
      .catch(() => null);
    return progress?.waiting?.for === 'decision';
  };
  await until(waits, { timeoutMs: 20_000, what: `${workflowId} to wait for a decision` });
}

describe('approve', () => {
  it('shows the evidence, sends the decision of the user of the machine, and the promotion goes on', async () => {
    const handle = await waitingPromotion();
    const { code, out } = await mediwatch(['approve', handle.workflowId, '--reason', 'agreed'], { env });
    expect(code).toBe(0);
    expect(out).toMatch(/waits for a decision about version 1 of MediWatchReadmit, until 2/);
    expect(out).toContain('Version 1 of MediWatchReadmit: approved.');
    expect(out).toContain(`mediwatch follow ${handle.workflowId}`);
    expect(await handle.result()).toMatchObject({ promotion: { promoted: true, approvedBy: userInfo().username } });
    expect(inProduction()).toBe('1');
  });

  it('finds the promotion of a retrain, and tells programs what was decided', async () => {
    const retrain = await bench.start('retrain', { trials: 1 });
    const promotion = workflowIds.stage(retrain.workflowId, 'promote');
    await untilWaiting(promotion);
    const args = ['approve', retrain.workflowId, '--by', 'grace', '--json'];
    const { code, out } = await mediwatch(args, { env });
    expect(code).toBe(0);
    expect(jsonLines(out)).toMatchObject([
      { event: 'decided', decision: 'approve', by: 'grace', version: '1', workflowId: promotion },
    ]);
    expect(await retrain.result()).toMatchObject({ promotion: { approvedBy: 'grace' } });
  });
});

describe('approve --follow', () => {
  it('stays until the workflow that was named has ended', async () => {
    const { workflowId } = await waitingPromotion();
    const { code, out } = await mediwatch(['approve', workflowId, '--follow'], { env });
    expect(code).toBe(0);
    expect(out).toContain('Version 1 of MediWatchReadmit: approved.');
    expect(out).not.toContain('mediwatch follow');
    expect(inProduction()).toBe('1');
  });

  it('of a retrain tells programs the decision, what follows, and the end of the retrain', async () => {
    const { workflowId } = await bench.start('retrain', { trials: 1 });
    await untilWaiting(workflowIds.stage(workflowId, 'promote'));
    const { code, out } = await mediwatch(['approve', workflowId, '--follow', '--json'], { env });
    expect(code).toBe(0);
    const events = jsonLines(out);
    expect(events[0]).toMatchObject({ event: 'decided', decision: 'approve' });
    expect(events.at(-1)).toMatchObject({ event: 'result', workflowId, state: 'completed', exitCode: 0 });
  });
});

describe('on a terminal', () => {
  it('asks before it decides; without a yes it waits on', async () => {
    const handle = await waitingPromotion();
    const no = await onTerminal(['approve', handle.workflowId], 'n\n');
    expect(no.stdout).toContain(`Approve version 1 as ${userInfo().username}? [y/N]`);
    expect([no.exitCode, no.stdout]).toEqual([1, expect.stringContaining('Nothing was decided; it waits on.')]);
    await untilWaiting(handle.workflowId);

    const interrupted = await onTerminal(['approve', handle.workflowId], '\u0003');
    expect(interrupted.stdout).toContain('Nothing was decided; it waits on.');

    const yes = await onTerminal(['approve', handle.workflowId], 'y\n');
    expect([yes.exitCode, yes.stdout]).toEqual([0, expect.stringContaining('approved.')]);
    expect(await handle.result()).toMatchObject({ promotion: { promoted: true } });
  });
});

/** Runs the command on a terminal of its own, and types an answer when it asks. */
async function onTerminal(args: string[], typed: string) {
  const python = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');
  const run = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
  const command = [process.execPath, join(PROJECT_ROOT, 'src/client.ts'), ...args];
  const client = execa(python, ['-c', run, ...command], {
    env: { ...env, TERM: 'xterm' },
    reject: false,
    timeout: 45_000,
  });
  let shown = '';
  let typing = false;
  client.stdout.on('data', (text) => {
    shown += text;
    if (typing || !shown.includes('[y/N] ')) return;
    typing = true;
    client.stdin.write(typed);
  });
  return await client;
}

describe('reject', () => {
  it('ends the promotion with who and why, and Production stays as it is', async () => {
    const handle = await waitingPromotion();
    const { code, out } = await mediwatch(['reject', handle.workflowId, '--reason', 'not on Friday', '--by', 'grace'], {
      env,
    });
    expect([code, out]).toEqual([0, expect.stringContaining('rejected.')]);
    expect((await failureOf(handle)).message).toContain('grace rejected version 1: not on Friday');
    expect(inProduction()).toBeUndefined();
  });

  it('wants a reason', async () => {
    const { code, err } = await mediwatch(['reject', 'promote-1'], { env });
    expect([code, err]).toEqual([2, expect.stringContaining('--reason')]);
  });

  it('with an empty reason is refused by the promotion, which waits on', async () => {
    const handle = await waitingPromotion();
    const { code, err } = await mediwatch(['reject', handle.workflowId, '--reason', ' '], { env });
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('The decision was not taken: A rejection needs a reason.'),
    ]);
    await untilWaiting(handle.workflowId);
    await handle.terminate();
  });
});

describe('where nothing is to be decided', () => {
  const approve = (id: string) => mediwatch(['approve', id], { env });

  it('says that it was decided already, and by whom', async () => {
    const handle = await waitingPromotion();
    await mediwatch(['reject', handle.workflowId, '--reason', 'no', '--by', 'grace'], { env });
    await failureOf(handle);
    const { code, err } = await approve(handle.workflowId);
    expect(code).toBe(1);
    expect(err).toContain(
      `Nothing waits for a decision: ${handle.workflowId} has ended (failed): grace rejected version 1`,
    );
  });

  it('says that it expired', async () => {
    const settings = { MEDIWATCH_APPROVAL_EXPIRE_AFTER: '1', MEDIWATCH_APPROVAL_REMIND_EVERY: '0.5' };
    setWorld({ MEDIWATCH_APPROVAL_REQUIRED: 'true', ...settings });
    await bench.run('retrain', { trials: 1, registryStage: 'None' });
    const handle = await bench.start('promote', { version: '1' });
    await failureOf(handle);
    const { code, err } = await approve(handle.workflowId);
    expect([code, err]).toEqual([1, expect.stringContaining('Nobody decided about version 1 in time')]);
  });

  it('says so of a promotion that completed without one, and of a retrain that did not promote', async () => {
    setWorld({});
    await bench.run('retrain', { trials: 1, registryStage: 'None' });
    const handle = await bench.start('promote', { version: '1' });
    await handle.result();
    const { code, err } = await approve(handle.workflowId);
    expect([code, err]).toEqual([1, expect.stringContaining('has ended (completed)')]);

    const retrain = await bench.start('retrain', { trials: 1, registryStage: 'None' });
    await retrain.result();
    const ended = await approve(retrain.workflowId);
    expect([ended.code, ended.err]).toEqual([1, expect.stringContaining('ended without a promotion')]);
  });

  it('refuses ids of nothing, and of workflows of other kinds', async () => {
    const unknown = await approve('promote-nowhere');
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('There is no workflow')]);
    const prepare = await bench.start('prepareData');
    await prepare.result();
    const other = await approve(prepare.workflowId);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining('is a prepareData workflow')]);
  });
});
