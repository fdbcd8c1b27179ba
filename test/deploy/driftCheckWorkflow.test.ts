import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROJECT_ROOT } from '../../src/config.ts';
import type { Webhook } from '../../src/webhook/webhook.ts';
import { mediwatch } from '../cli/support.ts';
import { evidently04 } from '../support/driftReports.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { SECRET, startWebhook, watchSteward, webhookConfig } from '../webhook/support.ts';

interface Step {
  name?: string;
  if?: string;
  uses?: string;
  run?: string;
  with?: Record<string, string>;
  env?: Record<string, string>;
}

const DRIFTED = evidently04({ age: true, stay: true, prob: false });
const STEADY = evidently04({ age: false, stay: false, prob: false });
const ACTION = join(PROJECT_ROOT, 'deploy', 'github', 'drift-check');
const workflow = parse(await readFile(`${ACTION}.yml`, 'utf8'));
const action = parse(await readFile(join(ACTION, 'action.yml'), 'utf8'));
const [ofWorkflow, ofAction]: [Step[], Step[]] = [workflow.jobs['drift-check'].steps, action.runs.steps];
const steps = [...ofWorkflow, ...ofAction];
const stepOf = (name: string) => steps.find((step) => step.name === name) as Step;

describe('deploy/github/drift-check.yml', () => {
  it('runs at night with no more rights than to read, one at a time, and can be called by other workflows', () => {
    expect(workflow.on.schedule[0].cron).toMatch(/^\d+ \d+ \* \* \*$/);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(workflow.concurrency.group).toBe('drift-check');
    expect(workflow.jobs['drift-check']['timeout-minutes']).toBeGreaterThan(0);
    expect(workflow.on).toHaveProperty('workflow_call.inputs.monitor');
  });

  it('names every action by its commit, and keeps the report whatever it says', () => {
    const actions = steps.flatMap(({ uses }) => uses ?? []);
    const others = actions.filter((uses) => !/^actions\/[a-z-]+@[0-9a-f]{40}$/.test(uses));
    expect(others).toEqual(['./.mediwatch-checkout/deploy/github/drift-check']);
    expect(stepOf('Keep the report').if).toBe('always()');
  });

  it('puts nothing from outside into a script, but by the environment', () => {
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });

  it('gives the action inputs that it has', () => {
    const given = ofWorkflow.find(({ uses }) => uses?.startsWith('./'))?.with ?? {};
    expect(Object.keys(given).filter((name) => !(name in action.inputs))).toEqual([]);
  });

  it('calls commands with flags that they have', async () => {
    const calls = steps.flatMap(({ run = '' }) =>
      [...run.replaceAll('\\\n', ' ').matchAll(/mediwatch" ([a-z ]+?) (--.*)/g)].map(([, ...call]) => call),
    );
    expect(calls.map(([command]) => command)).toEqual(['drift gate', 'alert']);
    for (const [command = '', rest = ''] of calls) {
      const { out: help } = await mediwatch([...command.split(' '), '--help']);
      for (const [flag] of rest.matchAll(/--[a-z-]+/g)) expect(help).toContain(`${flag}`);
    }
  });
});

describe('its steps, run in the folder of a project that is not ours', () => {
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
    model = `Checked${++number}`;
    await writeFile(join(dir, 'mediwatch.yaml'), `registry: { registeredModel: ${model} }\n`);
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
        GITHUB_ACTION_PATH: ACTION,
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

  /** What the steps make of a log, or of what a monitor of the project writes. */
  async function check(given: Record<string, string>, failOn = 'drift') {
    const judged = await run('Judge', { OUT: 'reports/monitoring', ...given });
    expect(judged.exitCode, judged.said).toBe(0);
    const { verdict = '', why = '', report = '' } = judged.outputs;
    const told = await run('Tell', { VERDICT: verdict, WHY: why, FAIL_ON: failOn, WEBHOOK: webhook.url });
    return { verdict, report, told };
  }

  async function fetched(command: string) {
    const done = await run('Fetch the prediction log', { PREDICTION_LOG_COMMAND: command });
    expect(done.exitCode, done.said).toBe(0);
    return { LOG: 'logs' };
  }

  /** A monitor of the project, which writes what it is given and ends with a code of its own. */
  async function monitor(report: string | null, exitCode: number) {
    const write = report === null ? 'true' : `mkdir -p out && cp "${report}" out/report.json`;
    return { MONITOR: `${write}; exit ${exitCode}`, REPORT: 'out/report.json' };
  }

  async function raised(report: string) {
    const env = {
      MEDIWATCH_WEBHOOK_URL: webhook.url,
      MEDIWATCH_WEBHOOK_SECRET: SECRET,
      RUN_URL: 'https://ci/runs/1',
      REPORT: report,
    };
    const done = await run('Raise the alert', env);
    expect(done.exitCode, done.said).toBe(0);
  }

  it('drift is reported, raised by the webhook, once for the same rows, told, and fails the job if it shall', async () => {
    const { verdict, report, told } = await check(await fetched(await log(400, 40)));
    expect([verdict, told.exitCode, told.summary]).toEqual([
      'drift',
      1,
      expect.stringContaining('the data set drifted'),
    ]);
    const warned = await run('Tell', { VERDICT: verdict, WHY: 'age', FAIL_ON: 'unknown', WEBHOOK: webhook.url });
    expect([warned.exitCode, warned.said]).toEqual([0, expect.stringContaining('::warning title=Drift::age')]);
    for (const _ of [1, 2]) await raised(report);
    const alerts = (await steward.alerts()) ?? [];
    expect(alerts[0]).toMatchObject({ source: 'GitHub Actions', report: 'https://ci/runs/1', share: 1 });
    expect(new Set(alerts.map(({ key }) => key)).size).toBe(1);
  });

  it('the report of a monitor of the project is judged whatever its exit code, and raised', async () => {
    const drifted = join(dir, 'drifted.json');
    await writeFile(drifted, JSON.stringify(DRIFTED));
    const { verdict, report, told } = await check(await monitor(drifted, 1), 'unknown');
    expect([verdict, report, told.exitCode]).toEqual(['drift', 'out/report.json', 0]);
    await raised(report);
    expect((await steward.alerts())?.[0]).toMatchObject({ source: 'GitHub Actions', share: 2 / 3 });
    await writeFile(drifted, JSON.stringify(STEADY));
    expect(await check(await monitor(drifted, 0))).toMatchObject({ verdict: 'no drift', told: { exitCode: 0 } });
  });

  it('a monitor that writes nothing cannot be judged, and a report of an earlier run is none', async () => {
    const old = join(dir, 'old.json');
    await writeFile(old, JSON.stringify(STEADY));
    await check(await monitor(old, 0));
    const { verdict, told } = await check(await monitor(null, 3));
    expect([verdict, told.exitCode]).toEqual(['cannot tell', 1]);
    expect(told.said).toContain('The monitor ended with exit code 3 and wrote no out/report.json.');
    expect((await check(await monitor(null, 3), 'never')).told.exitCode).toBe(0);
  });

  it('no drift is told, and no more', async () => {
    const { verdict, told } = await check(await fetched(await log(400, 0)));
    expect([verdict, told.exitCode, told.said.trim()]).toEqual(['no drift', 0, '']);
  });

  it('too few rows are a notice', async () => {
    const { verdict, told } = await check(await fetched(await log(60, 40)));
    expect([verdict, told.exitCode]).toEqual(['skipped', 0]);
    expect(told.said).toContain('::notice title=Skipped::skipped: not enough rows (30 of 50)');
  });

  it('what cannot be told, as without a log, fails the job', async () => {
    const { verdict, told } = await check(await fetched('true'));
    expect([verdict, told.exitCode]).toEqual(['cannot tell', 1]);
    expect(told.said).toContain('::error title=Cannot tell::The folder');
  });

  it('what was not set is named', async () => {
    expect((await run('Fetch the prediction log')).said).toContain('PREDICTION_LOG_COMMAND');
    expect((await run('Judge', { OUT: 'o', MONITOR: 'true' })).said).toContain('Set the input report');
    const raise = await run('Raise the alert', { MEDIWATCH_WEBHOOK_URL: webhook.url });
    expect([raise.exitCode, raise.said]).toEqual([1, expect.stringContaining('webhook-secret')]);
    const told = await run('Tell', { VERDICT: 'drift', WHY: 'age.', FAIL_ON: 'unknown' });
    expect(told.said).toContain('age. No alert was raised: webhook-url is not set.');
  });
});
