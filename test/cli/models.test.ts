import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mediwatch, NOWHERE } from './support.ts';

/** Two models in one deployment; nothing answers. */
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-models-'));
  writeFileSync(
    join(dir, 'mediwatch.yaml'),
    [
      'steps: {prepare: {skip: true}}',
      'models:',
      '  Readmit:',
      '    data: {path: mediwatch.yaml}',
      '  Sepsis:',
      '    data: {path: sepsis.csv}',
      '    deployment: {target: none}',
    ].join('\n'),
  );
});
afterAll(() => rmSync(dir, { recursive: true }));

const ENV = {
  TEMPORAL_ADDRESS: NOWHERE,
  MLFLOW_TRACKING_URI: `http://${NOWHERE}`,
  MEDIWATCH_MLFLOW_TIMEOUT: '1',
  MEDIWATCH_DEPLOYMENT_API_URL: `http://${NOWHERE}`,
  PATH: process.env.PATH ?? '',
};
const run = (...args: string[]) => mediwatch(args, { cwd: dir, env: ENV });

test.each([
  ['retrain', '--registered-model', 'Sepsi'],
  ['prepare', '--registered-model', 'Sepsi'],
  ['search', '--registered-model', 'Sepsi'],
  ['promote', '3', '--registered-model', 'Sepsi'],
  ['history', '--registered-model', 'Sepsi'],
  ['steward', '--registered-model', 'Sepsi'],
  ['doctor', '--registered-model', 'Sepsi'],
])('a model that mediwatch.yaml has not is told before anything is asked: %s', async (...args) => {
  const { code, err } = await run(...args);
  expect(code).toBe(2);
  expect(err).toContain('There is no model "Sepsi": mediwatch.yaml has Readmit, Sepsis; did you mean "Sepsis"?');
});

test('the status shows every model', async () => {
  const { out } = await run('status', '--json');
  expect(JSON.parse(out)).toMatchObject({
    registeredModel: 'Readmit',
    api: { version: null },
    others: [{ registeredModel: 'Sepsis', api: null }],
  });
  const { out: text } = await run('status');
  expect(text).toMatch(/^Readmit\n.*API.*\n\nSepsis\n/s);
});

test('the doctor looks at every model, and once at what they share', async () => {
  const { out } = await run('doctor', '--json');
  const checks = (JSON.parse(out) as { checks: Array<{ check: string; severity: string }> }).checks;
  const levelOf = (name: string) => checks.filter(({ check }) => check === name).map(({ severity }) => severity);
  expect([levelOf('Temporal'), levelOf('MLflow')]).toEqual([['problem'], ['problem']]);
  expect([levelOf('Data of Readmit'), levelOf('Data of Sepsis')]).toEqual([['ok'], ['problem']]);
});

test('the doctor looks at one model when asked', async () => {
  const { out } = await run('doctor', '--json', '--registered-model', 'Readmit');
  const names = (JSON.parse(out) as { checks: Array<{ check: string }> }).checks.map(({ check }) => check);
  expect(names).toContain('Data');
  expect(names.join()).not.toContain('Sepsis');
});

test('aliases are not mended without saying of which model', async () => {
  const { code, err } = await run('doctor', '--fix-aliases');
  expect(code).toBe(2);
  expect(err).toContain('one of Readmit, Sepsis');
});
