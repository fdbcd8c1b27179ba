import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RetrainResult } from '../../../src/contracts/workflows.ts';
import { mediwatch } from '../../support/command.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';
import { sampleData } from '../../support/sampleData.ts';
import { createTestStack, type StackRun, type TestStack } from '../../support/stack.ts';

const ADMIN = 'password-of-the-admin';
const PASSWORD = 'password/of:the trainer';

let mlflow: MlflowServer;
let stack: TestStack;
let run: StackRun;

/** A server with users; ours is one of them, who may read what others have, and owns what it makes. */
beforeAll(async () => {
  mlflow = await startMlflow({ admin: ADMIN });
  const created = await fetch(`${mlflow.uri}/api/2.0/mlflow/users/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${base64(`admin:${ADMIN}`)}` },
    body: JSON.stringify({ username: 'trainer', password: PASSWORD }),
  });
  expect(created.status, await created.text()).toBe(200);
  stack = await createTestStack();
  Object.assign(stack.env, {
    MLFLOW_TRACKING_URI: mlflow.uri,
    MLFLOW_TRACKING_USERNAME: 'trainer',
    MLFLOW_TRACKING_PASSWORD: PASSWORD,
    MEDIWATCH_DATA_PATH: sampleData(stack.dir),
    MEDIWATCH_PROMOTION_POLICY: 'always',
  });
}, 180_000);
afterAll(async () => {
  await stack?.dispose();
  await mlflow?.stop();
});

it('a user of an MLflow with users retrains and serves, and no log or database has its password', async () => {
  run = stack.start();
  await run.up();
  const { exitCode, json, stderr } = await mediwatch<{ workflowId: string; result: RetrainResult }>(
    stack.env,
    ...['retrain', '--trials', '1', '--follow'],
  );
  expect(exitCode, stderr).toBe(0);
  const listed = await mediwatch<{ logs: unknown[] }>(stack.env, 'logs', json.workflowId, '--list');
  expect(listed.json.logs.length, listed.stderr).toBeGreaterThan(0);
  const health = await fetch(`http://127.0.0.1:${stack.ports.API_PORT}/health`);
  expect(await health.json()).toMatchObject({ model_version: json.result.version.version });

  const written = [...texts(stack.dir), ['the terminal', run.output() + stderr + JSON.stringify(json)] as const];
  const forms = [PASSWORD, encodeURIComponent(PASSWORD), base64(PASSWORD), base64(`trainer:${PASSWORD}`)];
  expect(written.filter(([, text]) => forms.some((form) => text.includes(form))).map(([name]) => name)).toEqual([]);
}, 600_000);

it('a wrong password fails for good, and the failure says which settings to correct', async () => {
  run.process.kill('SIGTERM');
  await run.exited;
  stack.env.MLFLOW_TRACKING_PASSWORD = 'another-password';
  await stack.start().up();
  const { exitCode, json, stderr } = await mediwatch(stack.env, 'retrain', '--trials', '1', '--follow');
  expect(exitCode).not.toBe(0);
  const said = JSON.stringify(json) + stderr;
  expect(said).toContain('MlflowLoginRefused');
  expect(said).toContain('mlflow.password');
  expect(said).not.toContain('another-password');
}, 600_000);

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** All files below a folder, by their names. */
function* texts(folder: string): Generator<readonly [string, string]> {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) yield [file, readFileSync(file, 'utf8')];
  }
}
