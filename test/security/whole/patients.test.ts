import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleData } from '../../support/sampleData.ts';
import { SECRETS, secretsIn } from '../../support/secrets.ts';
import { createTestStack, type StackRun, type TestStack } from '../../support/stack.ts';

const CLIENT = new URL('../../../src/client.ts', import.meta.url).pathname;
const OWN = randomUUID().slice(0, 8);
/** A value that many patients have, and one that only a broken row holds. */
const SPECIALTY = `Planted-specialty-${OWN}`;
const CELL = `PLANTED-CELL-${OWN}`;
/** Where SECURITY.md says that records lie: data files, data sets and models, their caches, the prediction log. */
const RECORDS = /^(sample\.csv|broken\.csv|mlflow\/artifacts\/|cache\/|predictions\/)/;

let stack: TestStack;
let run: StackRun;
let project: string;
/** What each command printed. */
const printed = new Map<string, string>();

/** A day of an operator: what ends well, and what fails. */
beforeAll(async () => {
  stack = await createTestStack();
  project = mkdtempSync(join(tmpdir(), 'mediwatch-planted-'));
  const [sample, broken] = plantedData(stack.dir);
  Object.assign(stack.env, SECRETS, {
    // The stack's own Temporal has no TLS, which a key of Temporal Cloud asks for.
    MEDIWATCH_TEMPORAL_API_KEY: '',
    MEDIWATCH_DATA_PATH: sample,
    MEDIWATCH_SEARCH_TRIALS: '1',
    MEDIWATCH_PROMOTION_POLICY: 'always',
  });
  run = stack.start();
  await run.up();
  expect(await command('retrain', '--follow')).toBe(0);
  expect(await command('retrain', '--trials', '0', '--follow')).toBe(0);
  expect(await command('retrain', '--data', broken, '--follow')).toBe(1);
  await predict({ medical_specialty: SPECIALTY });
  await predict({ number_inpatient: CELL });
  expect(await command('redeploy')).toBe(0);
  expect(await command('rollback', '--reason', 'a test')).toBe(0);
  await command('drift', 'check');
  for (const look of ['doctor', 'check', 'status', 'history']) await command(look);
  writeFileSync(
    join(project, 'train.py'),
    `import mlflow\nPASSWORD = "${SECRETS.DATABASE_URL}"\nmlflow.log_metric("auc", 1)\n`,
  );
  await command('init', project, '--yes');
}, 400_000);
afterAll(async () => {
  await stack?.dispose();
  rmSync(project, { recursive: true, force: true });
});

/** The first rows of the real data with a planted specialty in every fifth; the other file has a row of one cell too many. */
function plantedData(folder: string): [sample: string, broken: string] {
  const sample = sampleData(folder);
  const [header = '', ...rows] = readFileSync(sample, 'utf8').trimEnd().split('\n');
  const column = header.split(',').indexOf('medical_specialty');
  const planted = rows.map((row, index) => {
    const cells = row.split(',');
    return index % 5 === 0 ? cells.with(column, SPECIALTY).join(',') : row;
  });
  writeFileSync(sample, [header, ...planted, ''].join('\n'));
  const broken = join(folder, 'broken.csv');
  writeFileSync(broken, [header, ...planted, `${planted[0]},${CELL}`, ''].join('\n'));
  return [sample, broken];
}

async function command(...args: string[]): Promise<number | undefined> {
  const { exitCode, all } = await execa(process.execPath, [CLIENT, ...args], {
    env: stack.env,
    reject: false,
    all: true,
    stdin: 'ignore',
  });
  printed.set(args.join(' '), all);
  return exitCode;
}

async function predict(record: object): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${stack.ports.API_PORT}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ records: [record] }),
  });
  printed.set(`predict ${Object.keys(record)}`, await answer.text());
}

/** The files of the state that hold the text; those that vanish meanwhile hold nothing. */
function filesWith(holds: (text: string) => boolean): string[] {
  return readdirSync(stack.dir, { recursive: true })
    .map((name) => join(stack.dir, String(name)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() && holds(readFileSync(path, 'latin1')))
    .map((path) => relative(stack.dir, path));
}

it('a value of many patients is found in data, data sets, models, caches and the prediction log only', () => {
  const files = filesWith((text) => text.includes(SPECIALTY));
  expect(files.filter((path) => !RECORDS.test(path))).toEqual([]);
  expect(files).toEqual(expect.arrayContaining(['sample.csv', expect.stringMatching(/^predictions\//)]));
});

it('a cell of a broken row, or of a wrong request, is found in its own file only', () => {
  expect(filesWith((text) => text.includes(CELL))).toEqual(['broken.csv']);
});

it('no command, page or answer shows a value of a patient or a secret', () => {
  for (const [what, text] of [...printed, ['the stack', run.output()] as const]) {
    expect(
      [SPECIALTY, CELL].filter((value) => text.includes(value)),
      what,
    ).toEqual([]);
    expect(secretsIn(text), what).toEqual([]);
  }
});

it('no file of the state, nor one that init wrote, holds a secret', () => {
  // MLflow names the user of a run.
  const secrets = (text: string) => secretsIn(text).filter((name) => name !== 'MLFLOW_TRACKING_USERNAME');
  expect(filesWith((text) => secrets(text).length > 0)).toEqual([]);
  expect(secretsIn(readFileSync(join(project, 'mediwatch.yaml'), 'utf8'))).toEqual([]);
});
