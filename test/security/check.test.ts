import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigError, loadConfig } from '../../src/config.ts';
import { mediwatch } from '../cli/support.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'check-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** What `mediwatch check` says of a mediwatch.yaml, as text and as JSON. */
async function check(text: string, env: Record<string, string> = {}) {
  await writeFile(join(root, 'mediwatch.yaml'), text);
  const world = { env, cwd: root };
  const plain = await mediwatch(['check', '--offline'], world);
  const json = await mediwatch(['check', '--offline', '--json'], world);
  return { code: plain.code, said: plain.out + plain.err + json.out + json.err, out: plain.out, json: json.out };
}

const SECRET = 'hunter2-Xk9';

describe('a secret in a file with a fault is not shown', () => {
  it.each(
    Object.entries({
      'in the address of a webhook, in flow style': `notifications: [{kind: slack, url: https://hooks.example/${SECRET}}]`,
      'in a flow that does not end': `notifications: [{kind: slack, url: https://hooks.example/${SECRET}`,
      'in front of the fault, on its line': `webhook: {secret: ${SECRET}, tolernce: 3}`,
      'behind the fault, on its line': `webhook: {tolernce: 3, secret: ${SECRET}}`,
      'over several lines': `webhook:\n  secret: |\n    one\n    ${SECRET}\n  tolernce: 3`,
      'over several lines, with less indentation': `webhook:\n  secret: |\n    one\n   ${SECRET}: x\n  tolernce: 3`,
      'in quotes that do not end': `webhook:\n  secret: "${SECRET}\n  tolernce: 3`,
      'behind a tab': `webhook:\n\tsecret: ${SECRET}`,
      'behind a colon': `webhook:\n  secret: a: ${SECRET}`,
      'as a tag': `webhook: {secret: !${SECRET} x}\nfoo`,
      'as an alias': `webhook:\n  secret: *${SECRET}`,
      'that begins with a reserved character': `webhook:\n  secret: "@${SECRET}"x`,
      'under a misspelt name': `webhook:\n  secrt: ${SECRET}`,
      'below a misspelt name': `webhok:\n  anything: {else: ${SECRET}}`,
      'in a list under a misspelt name': `webhok: [a, ${SECRET}]`,
      'in the place of a section': `webhook: ${SECRET}`,
      'in the place of a list': `notifications: https://hooks.example/${SECRET}`,
      'in the place of an entry': `notifications: [https://hooks.example/${SECRET}]`,
      'in the place of a section of a model': `models: {a: {docker: ${SECRET}}}`,
      'of a kind that does not exist': `notifications: [{kind: slak, url: https://hooks.example/${SECRET}}]`,
      'in an argument': `steps: {trial: {command: [x, --db-password, ${SECRET}], comand: x}}`,
      'in an argument with its value': `steps: {trial: {command: [x, --token=${SECRET}, "{parms.x}"]}}`,
      'in a command that is no list': `steps: {trial: {command: x --token ${SECRET}}}`,
      'in a variable of a step': `steps:\n  trial: {command: [x], env: {DB_PASSWORD: ${SECRET}}, comand: x}`,
      'in an address': `mlflow: {uri: "http://me:${SECRET}@mlflow", tokn: x}`,
      'in a name that is a mapping': `? {kind: slack, url: "https://hooks.example/${SECRET}"}\n: 1`,
      'in a comment': `webhook: {tolernce: 3} # was ${SECRET}`,
      'in a comment above': `# ${SECRET}\nwebhook: [`,
      twice: `webhook:\n  secret: x\n  secret: ${SECRET}`,
      'in the place of the name of a variable': `notifications: [{kind: slack, urlEnv: "https://hooks.example/${SECRET}"}]\nfoo: 1`,
    }),
  )('%s', async (_where, text) => {
    const { code, said } = await check(`${text}\n`);
    expect(code).toBe(2);
    expect(said).not.toContain(SECRET);
  });

  it('whatever is broken, and wherever', { timeout: 120_000 }, async () => {
    const whole = `webhook:\n  secret: "${SECRET}"\n  tolerance: 300\nmlflow: {token: ${SECRET}, timeout: 3}\nnotifications:\n  - {kind: webhook, url: "https://hooks.example/${SECRET}"}\n`;
    const breaking = fc.constantFrom(
      '"',
      "'",
      '\t',
      '{',
      '}',
      '[',
      ']',
      ':',
      ': ',
      '*',
      '&',
      '!',
      '|',
      '#',
      '\n',
      '\n ',
      ',',
      '-',
      '@',
    );
    const property = fc.asyncProperty(fc.nat(whole.length), breaking, async (at, piece) => {
      const broken = `${whole.slice(0, at)}${piece}${whole.slice(at)}`;
      // One that is cut in two is another one.
      fc.pre(broken.split(SECRET).length === 4);
      expect((await check(broken)).said).not.toContain(SECRET);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

// What follows from the file alone: the command itself says no more than this.
it.each([
  ['unknown settings', (n: number) => `search:\n${lines(n, (i) => `  k${i}: 1`)}`, 'search.k0: unknown setting'],
  ['sections', (n: number) => lines(n, (i) => `k${i}: 1`), 'k0: unknown setting'],
  ['settings that are there twice', (n: number) => `search:\n${lines(n, () => '  trials: 1')}`, 'is there twice'],
  ['wrong values', (n: number) => `deployment:\n  env:\n${lines(n, (i) => `    K${i}: []`)}`, 'expected text'],
])('200,000 %s end in an answer that can be read', { timeout: 600_000 }, async (_what, text, expected) => {
  await writeFile(join(root, 'mediwatch.yaml'), text(200_000));
  const refusal = refusalOf(root);
  expect(refusal?.message).toContain(expected);
  expect(refusal?.problems).toHaveLength(100);
});

function refusalOf(cwd: string): ConfigError | undefined {
  try {
    loadConfig({}, cwd);
    return undefined;
  } catch (error) {
    return error as ConfigError;
  }
}

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `${line(index)}\n`).join('');

interface Found {
  code: string;
  setting: string | null;
  severity: string;
}

/** What is warned of as weak, by setting. */
async function weak(text: string, env: Record<string, string> = {}) {
  const { json } = await check(text, env);
  const { findings } = JSON.parse(json) as { findings: Array<Found & { check: string }> };
  return findings
    .filter(({ check: by }) => by === 'Security')
    .map(({ code, setting, severity }) => [severity, code, setting]);
}

describe('what is weak is warned of', () => {
  it.each([
    ['a secret of one letter', 'webhook: {secret: x}', 'secretGuessable', 'webhook.secret'],
    ['a short secret', 'webhook: {token: abcdefg}', 'secretGuessable', 'webhook.token'],
    ['a word as a secret', 'mlflow: {username: me, password: readmission}', 'secretGuessable', 'mlflow.password'],
    ['a secret in the file', 'webhook: {secret: 8f14e45fceea167a5a36dedd4bea2543}', 'secretInFile', 'webhook.secret'],
    [
      'a password in an address',
      'mlflow: {uri: "http://me:8f14e45fceea167a5@127.0.0.1:5000"}',
      'secretInFile',
      'mlflow.password',
    ],
    [
      'a password among arguments',
      'steps: {trial: {command: [sh, --password, 8f14e45fceea167a5]}}',
      'secretInFile',
      'steps.trial.command[2]',
    ],
    ['a huge tolerance', 'webhook: {tolerance: 86400}', 'toleranceLong', 'webhook.tolerance'],
    ['a bind beyond loopback', 'stack: {bind: 0.0.0.0}', 'boundBeyondLoopback', 'stack.bind'],
    [
      'Temporal without TLS beyond loopback',
      'temporal: {address: "temporal.example.org:7233"}',
      'temporalInClear',
      'temporal.address',
    ],
    [
      'a token over http',
      'mlflow: {uri: "http://mlflow.example.org", token: 8f14e45fceea167a5}',
      'tokenInClear',
      'mlflow.uri',
    ],
    [
      'the token of the gateway over http',
      'deployment: {adminUrl: "http://gateway.example.org:8001"}',
      'tokenInClear',
      'deployment.adminUrl',
    ],
  ])('%s', async (_what, text, code, setting) => {
    expect(await weak(`${text}\n`)).toContainEqual(['warning', code, setting]);
  });

  it('a short secret in a variable as well, which is no secret in the file', async () => {
    expect(await weak('{}\n', { MEDIWATCH_WEBHOOK_TOKEN: 'abc' })).toEqual([
      ['warning', 'secretGuessable', 'webhook.token'],
    ]);
  });

  it('nothing where nothing is', async () => {
    const env = { MLFLOW_TRACKING_TOKEN: '8f14e45fceea167a5a36', MLFLOW_TRACKING_URI: 'https://mlflow.example.org' };
    const settings = 'temporal: {address: "temporal.example.org:7233", tls: true}\nwebhook: {secretFile: secret}\n';
    expect(await weak(settings, env)).toEqual([]);
  });
});
