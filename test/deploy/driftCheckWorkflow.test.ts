import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROJECT_ROOT } from '../../src/config.ts';
import type { Webhook } from '../../src/webhook/webhook.ts';
import { mediwatch } from '../cli/support.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { SECRET, startWebhook, watchSteward, webhookConfig } from '../webhook/support.ts';

interface Step {
  name?: string;
  if?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
}

const file = join(PROJECT_ROOT, 'deploy', 'github', 'drift-check.yml');
const workflow = parse(await readFile(file, 'utf8'));
const steps: Step[] = workflow.jobs['drift-check'].steps;
const stepOf = (name: string) => steps.find((step) => step.name === name) as Step;

describe('deploy/github/drift-check.yml', () => {
  it('runs at night with no more rights than to read, one at a time', () => {
    expect(workflow.on.schedule[0].cron).toMatch(/^\d+ \d+ \* \* \*$/);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(workflow.concurrency.group).toBe('drift-check');
    expect(workflow.jobs['drift-check']['timeout-minutes']).toBeGreaterThan(0);
  });

  it('names every action by its commit, and keeps the report whatever it says', () => {
    const actions = steps.flatMap(({ uses }) => uses ?? []);
    expect(actions.filter((uses) => !/^actions\/[a-z-]+@[0-9a-f]{40}$/.test(uses))).toEqual([]);
    expect(stepOf('Keep the report').if).toBe('always()');
  });

  it('puts nothing from outside into a script, but by the environment', () => {
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });

  it('calls commands with flags that they have', async () => {
    const calls = steps.flatMap(({ run = '' }) => [...run.matchAll(/bin\/mediwatch ([a-z ]+?) (--.*)/g)]);
    expect(calls.map(([, command]) => command)).toEqual(['drift report', 'alert']);
    for (const [, command = '', rest = ''] of calls) {
      const { out: help } = await mediwatch([...command.split(' '), '--help']);
      for (const [flag] of rest.matchAll(/--[a-z-]+/g)) expect(help).toContain(`${flag}`);
    }
  });
});

describe('its steps, run here', () => {
  let temporal: TestTemporal;
  let dir: string;
  let webhook: Webhook;
  let model: string;
  let steward: Awaited<ReturnType<typeof watchSteward>>;
  let number = 0;

  beforeAll(async () => {
    temporal = await startTemporal();
  });
  afterAll(() => temporal?.stop());
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mediwatch-github-'));
    await mkdir(join(dir, 'bin'));
    await symlink(join(PROJECT_ROOT, 'bin', 'mediwatch'), join(dir, 'bin', 'mediwatch'));
    model = `Checked${++number}`;
    webhook = await startWebhook(webhookConfig(temporal.address, dir, { MEDIWATCH_REGISTRY_REGISTERED_MODEL: model }));
    steward = await watchSteward(temporal.address, model);
  });
  afterEach(async () => {
    await Promise.all([webhook.close(), steward.close()]);
    await rm(dir, { recursive: true });
  });

  /** Runs a step as the runner does: its own environment, in a shell that ends at the first failure. */
  async function run(name: string, given: Record<string, string> = {}) {
    const { run: script = '', env = {} } = stepOf(name);
    const [outputs, summary] = [join(dir, 'outputs'), join(dir, 'summary.md')];
    await Promise.all([writeFile(outputs, ''), writeFile(summary, '')]);
    const done = await execa('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
      cwd: dir,
      env: {
        ...Object.fromEntries(Object.keys(env).map((key) => [key, given[key] ?? ''])),
        PATH: `${join(PROJECT_ROOT, 'node_modules', '.bin')}:${process.env.PATH}`,
        GITHUB_OUTPUT: outputs,
        GITHUB_STEP_SUMMARY: summary,
      },
      reject: false,
    });
    const lines = (await readFile(outputs, 'utf8')).trim().split('\n').filter(Boolean);
    return {
      exitCode: done.exitCode,
      said: `${done.stdout}\n${done.stderr}`,
      summary: await readFile(summary, 'utf8'),
      outputs: Object.fromEntries(lines.map((line) => line.split(/=(.*)/s))) as Record<string, string>,
    };
  }

  /** Makes a prediction log whose second half has other ages, and gives the command that fetches it. */
  async function log(rows: number, shift: number): Promise<string> {
    const lines = Array.from({ length: rows }, (_, row) => {
      const age = 50 + (row % 20) + (row >= rows / 2 ? shift : 0);
      return `e${row},${1_700_000_000 + row},1,0.5,${age},0.${10 + (row % 20)},0`;
    });
    const path = join(dir, 'remote.csv');
    await writeFile(path, `${['event_id,ts,model_version,threshold,age,prob,pred', ...lines].join('\n')}\n`);
    return `cp "${path}" logs/`;
  }

  async function check(fetch: string) {
    const fetched = await run('Fetch the prediction log', { PREDICTION_LOG_COMMAND: fetch });
    expect(fetched.exitCode, fetched.said).toBe(0);
    const report = await run('Make the report');
    expect(report.exitCode, report.said).toBe(0);
    const { verdict = '', why = '' } = report.outputs;
    return { verdict, told: await run('Tell', { VERDICT: verdict, WHY: why }) };
  }

  it('drift is reported, raised by the webhook, once for the same rows, and told', async () => {
    const { verdict, told } = await check(await log(400, 40));
    expect(verdict).toBe('drift');
    expect([told.exitCode, told.summary]).toEqual([0, expect.stringContaining('the data set drifted')]);
    const env = { MEDIWATCH_WEBHOOK_URL: webhook.url, MEDIWATCH_WEBHOOK_SECRET: SECRET, RUN_URL: 'https://ci/runs/1' };
    for (const _ of [1, 2]) {
      const raised = await run('Raise the alert', env);
      expect(raised.exitCode, raised.said).toBe(0);
    }
    const alerts = (await steward.alerts()) ?? [];
    expect(alerts[0]).toMatchObject({ source: 'GitHub Actions', report: 'https://ci/runs/1', share: 1 });
    expect(new Set(alerts.map(({ key }) => key)).size).toBe(1);
  });

  it('no drift is told, and no more', async () => {
    const { verdict, told } = await check(await log(400, 0));
    expect([verdict, told.exitCode, told.said.trim()]).toEqual(['no drift', 0, '']);
  });

  it('too few rows are a notice', async () => {
    const { verdict, told } = await check(await log(60, 40));
    expect([verdict, told.exitCode]).toEqual(['skipped', 0]);
    expect(told.said).toContain('::notice title=Skipped::skipped: not enough rows (30 of 50)');
  });

  it('what cannot be told, as without a log, fails the job', async () => {
    const { verdict, told } = await check('true');
    expect([verdict, told.exitCode]).toEqual(['cannot tell', 1]);
    expect(told.said).toContain('::error title=Cannot tell::The folder');
  });

  it('what was not set is named', async () => {
    expect((await run('Fetch the prediction log')).said).toContain('PREDICTION_LOG_COMMAND');
    const raise = await run('Raise the alert');
    expect([raise.exitCode, raise.said]).toEqual([1, expect.stringContaining('MEDIWATCH_WEBHOOK_URL')]);
  });
});
