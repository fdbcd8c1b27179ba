import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../../src/systems/ports.ts';
import { mediwatch } from '../../support/command.ts';
import { sampleData } from '../../support/sampleData.ts';
import { createTestStack, type TestStack } from '../../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await createTestStack();
  const key = join(stack.dir, 'payloads.key');
  writeFileSync(key, randomBytes(32).toString('hex'), { mode: 0o600 });
  const data = join(stack.dir, 'ward-of-lovelace.csv');
  renameSync(sampleData(stack.dir), data);
  Object.assign(stack.env, {
    MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS: key,
    MEDIWATCH_STACK_CODEC_PORT: String(await freePort(new Set(Object.values(stack.ports)))),
    MEDIWATCH_DATA_PATH: data,
    MEDIWATCH_PROMOTION_POLICY: 'always',
  });
  await stack.start().up();
}, 180_000);
afterAll(() => stack?.dispose());

/** Whether the text stands in a file of Temporal's database. */
const stored = (text: string) =>
  readdirSync(stack.dir)
    .filter((name) => name.startsWith('temporal.db'))
    .some((name) => readFileSync(join(stack.dir, name)).includes(text));

it('a retrain and one that fails leave nothing readable in Temporal, and the command shows both', async () => {
  const done = await mediwatch(stack.env, 'retrain', '--trials', '1', '--follow');
  expect(done.exitCode, done.stderr).toBe(0);
  const failed = await mediwatch(stack.env, 'retrain', '--data', join(stack.dir, 'menabrea.csv'), '--follow');
  expect(failed.exitCode).not.toBe(0);
  expect(JSON.stringify(failed.json)).toContain('menabrea.csv');
  for (const text of ['ward-of-lovelace', 'menabrea', 'mlflow-artifacts:/', 'learning_rate', 'numericColumns']) {
    expect(`${text}: ${stored(text)}`).toBe(`${text}: false`);
  }
  // What Temporal lists and routes by stands there.
  for (const text of ['hyperparameterSearch', 'MediwatchModel', 'Encoded failure']) {
    expect(`${text}: ${stored(text)}`).toBe(`${text}: true`);
  }
}, 300_000);
