import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { translated } from '../../src/activities/lib/translate.ts';
import { createRedactor, redact, redactData } from '../../src/config/redaction.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { OUR_CONTRACT } from '../../src/contracts/apiContract.ts';
import { judgeColumns } from '../../src/doctor/data.ts';
import { modelVariables } from '../../src/systems/apiVariables.ts';
import { expectAnswer, predictionRequest } from '../../src/systems/deployment/checks.ts';
import { parseAddress } from '../../src/systems/mlflow/address.ts';
import { uiLinks } from '../../src/systems/mlflow/links.ts';
import { mlflowOptions } from '../../src/systems/mlflow/options.ts';
import { mlflowVariables } from '../../src/systems/mlflow/variables.ts';
import { openLog } from '../../src/systems/processes/output.ts';
import { findingText } from '../../src/words/findings.ts';

const SECRET = fc.string({ unit: 'binary', minLength: 8, maxLength: 40 }).filter((text) => text.isWellFormed());
const PRINTED = fc.string({ minLength: 8, maxLength: 40 });

const twice = (encode: (text: string) => string) => (text: string) => encode(encode(text));
const base64 =
  (encoding: 'base64' | 'base64url', prefix: string) =>
  (text: string): string =>
    Buffer.from(`${prefix}${text}`).toString(encoding);
const html = (text: string) => text.replace(/[&<>"']/g, (sign) => `&#${sign === '"' ? 'x22' : sign.charCodeAt(0)};`);
const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const ascii = (text: string) =>
  JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** How a secret travels. */
const FORMS: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'in a query': (text) => new URLSearchParams({ q: text }).toString(),
  'in a path': encodeURIComponent,
  'in an address in a query': twice(encodeURIComponent),
  'in JSON': JSON.stringify,
  'in JSON in JSON': twice(JSON.stringify),
  'in JSON of Python': ascii,
  'in HTML': html,
  'in a shell': shell,
  'in base64': base64('base64', ''),
  'in basic authentication': base64('base64', 'user:'),
  'in base64 of addresses': base64('base64url', 'me:'),
};

describe('no form of a secret passes the redactor', () => {
  it.each(Object.entries(FORMS))('%s', (_name, form) => {
    fc.assert(
      fc.property(fc.oneof(SECRET, PRINTED), PRINTED, PRINTED, (secret, before, after) => {
        const { text } = createRedactor([secret]);
        const travelling = form(secret);
        const shown = text(`${before} ${travelling} ${after}`);
        // Of base64 the first and last characters hold bits of what stands beside the secret.
        const rest = travelling.length > 12 ? travelling.slice(4, -4) : travelling;
        expect(shown.slice(before.length, shown.length - after.length)).not.toContain(rest);
        expect(shown).toContain('***');
      }),
    );
  });

  it('also in data for programs, where it is none that might be a name', () => {
    const { data } = createRedactor(['Tr0ub4dor&3', 'readmission']);
    expect(data({ path: '/data/readmission.csv', notes: ['pw Tr0ub4dor%263'], at: 3 })).toEqual({
      path: '/data/readmission.csv',
      notes: ['pw ***'],
      at: 3,
    });
  });

  it('a value without secrets is given back as it is', () => {
    const value = { a: ['x'], b: null, c: 1 };
    expect(createRedactor(['Tr0ub4dor&3']).data(value)).toBe(value);
  });

  it('one below four characters is left, since it would eat words', () => {
    expect(createRedactor(['abc']).text('abcdef')).toBe('abcdef');
  });
});

it.each([
  ['https://user:hunter2@mlflow:5000/x', 'https://***@mlflow:5000/x'],
  ['https://user:p@ss@mlflow/x', 'https://***@mlflow/x'],
  ['https://ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/x', 'https://***@github.com/x'],
  ['GET /predict?access_token=abc&n=1', 'GET /predict?access_token=***&n=1'],
  ['python train.py --db-password hunter2 --n 3', 'python train.py --db-password *** --n 3'],
  ['["python","--api-key","hunter2"]', '["python","--api-key","***"]'],
  ['AWS_SECRET_ACCESS_KEY=hunter2 make', 'AWS_SECRET_ACCESS_KEY=*** make'],
  ['{"authorization": "Basic dTpw"}', '{"authorization": "Basic ***"}'],
  ['ssh://git@host/x and http://127.0.0.1:5000/a@b', 'ssh://git@host/x and http://127.0.0.1:5000/a@b'],
])('what is a secret by its place is hidden: %s', (text, expected) => {
  expect(createRedactor([]).text(text)).toBe(expected);
});

/** Secrets of every kind that a process of ours reads. */
const PLANTED = {
  setting: 'setting-7Gq!x"1',
  settingVariable: 'variable-k9/Zp2',
  foreignVariable: 'foreign-Lm4%T8w',
  file: 'file-Qz8+Rt5',
  inAddress: 'address-Bb6&Kk1',
  ofNotification: 'hooks/T0B1/Xy7Wv3Ut',
  ofStep: 'step-Nn2#Hh9s',
  argument: 'argument-Vv5Dd4',
  pattern: 'NHS-4857773456',
  ofTheStack: 'ours-Gg3!Ww8',
};

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'redaction-'));
  await writeFile(join(root, 'password'), `${PLANTED.file}\n`);
  await mkdir(join(root, '.mediwatch'));
  await writeFile(join(root, '.mediwatch/check-secret'), PLANTED.ofTheStack);
  const settings = {
    webhook: { token: PLANTED.setting },
    docker: { passwordFile: 'password' },
    mlflow: { uri: `http://me:${encodeURIComponent(PLANTED.inAddress)}@127.0.0.1:5000` },
    notifications: [{ kind: 'slack', urlEnv: 'SLACK' }],
    steps: {
      trial: {
        command: ['python', 'trial.py', '--db-password', PLANTED.argument],
        env: { DB_PASSWORD: PLANTED.ofStep },
      },
    },
    logs: { hide: ['NHS-[0-9]{10}'] },
  };
  await writeFile(join(root, 'mediwatch.yaml'), stringify(settings));
  const env = {
    MEDIWATCH_WEBHOOK_SECRET: PLANTED.settingVariable,
    AWS_SECRET_ACCESS_KEY: PLANTED.foreignVariable,
    SLACK: `https://hooks.example.org/${PLANTED.ofNotification}`,
  };
  loadConfig(env, root);
});

afterAll(() => rm(root, { recursive: true, force: true }));

const EVERYTHING = Object.values(PLANTED);

function expectNone(text: string): void {
  for (const secret of EVERYTHING) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
  }
}

describe('a process that has read its settings shows none of their secrets', () => {
  it.each(Object.entries(PLANTED))('%s', (_kind, secret) => {
    expect(redact(`it said ${secret}.`)).toBe('it said ***.');
    expect(redactData({ text: secret })).toEqual({ text: '***' });
  });

  it('in failures of activities: neither messages, stacks, causes nor details', async () => {
    const thrown = new Error(`first ${EVERYTHING.join(' ')}`, { cause: new TypeError(EVERYTHING.join('\n')) });
    const { fails } = translated({
      fails: async (): Promise<string> => {
        throw ApplicationFailure.create({ message: 'outer', details: [{ seen: EVERYTHING }], cause: thrown });
      },
    });
    const error = (await fails().catch((each: unknown) => each)) as ApplicationFailure;
    const { cause, details } = error;
    const all = [error, cause, (cause as Error).cause] as Error[];
    expect(all.map(({ name }) => name)).toEqual(['ApplicationFailure', 'Error', 'TypeError']);
    expectNone(JSON.stringify([details, all.map(({ message, stack }) => [message, stack])]));
  });

  it('in results of activities', async () => {
    const { works } = translated({ works: async () => ({ state: 'failed', error: EVERYTHING.join(' ') }) });
    expectNone(JSON.stringify(await works()));
  });

  it('in logs of steps', async () => {
    const path = join(root, 'step.log');
    const log = await openLog(path);
    await log.write(EVERYTHING);
    await log.close();
    const { stdout } = await promisify(execFile)('cat', [path]);
    expect(stdout.match(/\*\*\*/g)).toHaveLength(EVERYTHING.length);
    expectNone(stdout);
  });

  it('in its own log, whose lines stay JSON', () => {
    const program = `
      const { loadConfig } = await import('${PROJECT_ROOT}/src/config.ts');
      const { createLogger } = await import('${PROJECT_ROOT}/src/systems/logger.ts');
      loadConfig(process.env, '${root}');
      const log = createLogger();
      const all = ${JSON.stringify(EVERYTHING)};
      log.info({ all, err: new Error(all.join(' ')) }, 'said %s', all.join(' '));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
      env: {
        MEDIWATCH_WEBHOOK_SECRET: PLANTED.settingVariable,
        AWS_SECRET_ACCESS_KEY: PLANTED.foreignVariable,
        SLACK: `https://hooks.example.org/${PLANTED.ofNotification}`,
      },
    });
    expect(JSON.parse(stdout)).toMatchObject({ all: EVERYTHING.map(() => '***'), err: { type: 'Error' } });
    expectNone(stdout);
  });
});

describe('an address of MLflow with user and password in it', () => {
  const uri = 'http://ward%407:p%C3%A4ss%2Fw%20rd@mlflow.example.org:5000/ml';
  const config = () => loadConfig({ MLFLOW_TRACKING_URI: uri, MEDIWATCH_MLFLOW_UI_URL: uri }, root);

  it('is an address without them everywhere, and they count as if they were set apart', () => {
    expect(config().mlflow).toMatchObject({
      uri: 'http://mlflow.example.org:5000/ml',
      uiUrl: 'http://mlflow.example.org:5000/ml',
      username: 'ward@7',
      password: 'päss/w rd',
    });
  });

  it('gives steps and APIs the credentials in variables', () => {
    const expected = {
      MLFLOW_TRACKING_URI: 'http://mlflow.example.org:5000/ml',
      MLFLOW_TRACKING_USERNAME: 'ward@7',
      MLFLOW_TRACKING_PASSWORD: 'päss/w rd',
    };
    expect(mlflowVariables(config())).toMatchObject(expected);
    expect(modelVariables(config(), { model: 'M', version: '1' })).toMatchObject(expected);
  });

  it('is asked with them, and linked without them', () => {
    const { uri: base, uiUrl, username, password } = mlflowOptions(config());
    const address = parseAddress(base, { username, password });
    expect(address.authorization).toBe(`Basic ${Buffer.from('ward@7:päss/w rd').toString('base64')}`);
    expect(uiLinks(uiUrl || address.base).runUrl('1', 'r')).not.toContain('@');
  });
});

describe('no cell of the data is quoted', () => {
  const CELL = 'Jansen, Maria 1951-03-07';

  it('of what an API repeats when it refuses records', async () => {
    const records = [{ name: CELL, age: 67, insurance: 8573920 }];
    const detail = [{ loc: ['body', 'records', 0, 'age'], msg: 'Input should be a string', input: 67 }];
    const body = { detail, seen: `${CELL} has 8573920` };
    const client = { ask: async () => ({ status: 422, body }), close: async () => undefined };
    const asked = {
      contract: OUR_CONTRACT,
      request: predictionRequest(undefined, records),
      version: '3',
      limitMs: 1_000,
    };
    const { message } = (await expectAnswer(client, asked).catch((error: unknown) => error)) as Error;
    expect(message).toContain('/predict answers 422');
    expect(message).toContain('"records",0,"age"');
    for (const cell of [CELL, '8573920', '67']) expect(message).not.toContain(cell);
  });

  it('of the first line of a file without names of columns', () => {
    const wanted = { path: 'patients.csv', target: 'readmitted', group: 'patient', drop: ['Jansen'] };
    const findings = judgeColumns(['Jansens', '67', 'F'], wanted);
    expect(findings.map(({ code }) => code)).toEqual(['columnMissing', 'columnMissing', 'columnUnknown']);
    expect(JSON.stringify(findings.map(findingText))).not.toContain('Jansens');
  });
});
