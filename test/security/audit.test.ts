import { generateKeyPairSync } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection, WorkflowHandle } from '@temporalio/client';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDecisionActivities } from '../../src/activities/decisions.ts';
import { createAudit } from '../../src/activities/lib/audited.ts';
import { translated } from '../../src/activities/lib/translate.ts';
import { createPlanActivities } from '../../src/activities/orchestration.ts';
import { createRegistryActivities } from '../../src/activities/registry.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { type Decision, decidePromotion } from '../../src/contracts/approval.ts';
import type { AuditEvent } from '../../src/contracts/audit.ts';
import { failure } from '../../src/contracts/errors.ts';
import { TAGS } from '../../src/contracts/names.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import { createAuditLog, readAudit } from '../../src/systems/audit.ts';
import { signDecision } from '../../src/systems/decisionSignature.ts';
import { mediwatch } from '../support/command.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { addVersions, createWorld, type World } from '../support/world.ts';

/* Who changed, approved and refused what: written down where it cannot be changed unnoticed, and asked for before it counts. */

const MODEL = 'MediWatchReadmit';
let folder: string;
let file: string;
const failures: unknown[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediwatch-audit-'));
  file = join(folder, '.mediwatch', 'audit.jsonl');
  failures.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const openLog = () => createAuditLog(file, (_, error) => failures.push(error));
const event = (key: string): AuditEvent => ({
  key,
  at: '2026-01-31T02:00:00.000Z',
  event: 'promoted',
  registeredModel: MODEL,
  version: '3',
  replaced: '2',
  by: 'ada',
  signed: false,
  reason: null,
  workflowId: 'promote-1',
  runId: 'r',
  starter: null,
  decider: null,
});
const rows = async () => (await readFile(file, 'utf8')).split('\n').slice(0, -1);
const rewrite = (lines: string[]) => writeFile(file, lines.map((line) => `${line}\n`).join(''));
const findings = async (known?: string) => (await readAudit(file, known)).findings;
const fiveLines = async () => {
  const log = openLog();
  for (const key of ['a', 'b', 'c', 'd', 'e']) await log.append(event(key));
  return rows();
};

describe('the audit log', () => {
  it('is for its owner only, holds each event once for its key, and is in order', async () => {
    const lines = await fiveLines();
    await openLog().append(event('c'));
    expect(await rows()).toEqual(lines);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(`${file}.head`)).mode & 0o777).toBe(0o600);
    expect((await readAudit(file)).lines.map(({ seq, key }) => `${seq} ${key}`)).toEqual([
      '1 a',
      '2 b',
      '3 c',
      '4 d',
      '5 e',
    ]);
    expect(await findings()).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('cannot be read or written by another account', async () => {
    await fiveLines();
    const other = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'sh', '-c'];
    const { exitCode } = await execa('setpriv', [...other, `cat ${file} || echo x >> ${file}`], { reject: false });
    expect(exitCode).not.toBe(0);
    expect(await findings()).toEqual([]);
  });

  it('is one chain although several workers of a host write at once', async () => {
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      const log = openLog();
      await Promise.all(Array.from({ length: 10 }, (_, index) => log.append(event(`${writer}/${index}`))));
    });
    await Promise.all(writers);
    expect(failures).toEqual([]);
    expect(await rows()).toHaveLength(40);
    expect(await findings()).toEqual([]);
  });

  const edited = (line: string) => line.replace('"by":"ada"', '"by":"eve"');
  it.each<[string, (lines: string[]) => string[], object]>([
    ['changed in the middle', (lines) => lines.with(1, edited(lines[1] ?? '')), { code: 'changed', line: 2 }],
    ['changed at the end', (lines) => lines.with(4, edited(lines[4] ?? '')), { code: 'changed', line: 5 }],
    ['made unreadable', (lines) => lines.with(2, '{}'), { code: 'unreadable', line: 3 }],
    ['removed', (lines) => lines.toSpliced(1, 2), { code: 'removed', line: 2, from: 2, to: 3 }],
    ['removed at the start', (lines) => lines.slice(1), { code: 'removed', line: 1, from: 1, to: 1 }],
    ['put in', (lines) => lines.toSpliced(2, 0, lines[0] ?? ''), { code: 'inserted', line: 3 }],
    ['cut off at the end', (lines) => lines.slice(0, 3), { code: 'cut', from: 4, to: 5 }],
    ['removed, all of them', () => [], { code: 'cut', from: 1, to: 5 }],
  ])('says which lines were %s, also after more was written', async (_, change, finding) => {
    await rewrite(change(await fiveLines()));
    expect(await findings()).toContainEqual(finding);
    await openLog().append(event('f'));
    const later = await findings();
    expect(later).not.toEqual([]);
    if (!('from' in finding)) expect(later).toContainEqual(finding);
  });

  it('does not make good a last line that somebody shortened, but one that its own write left torn', async () => {
    await fiveLines();
    await truncate(file, (await stat(file)).size - 20);
    expect(await findings()).toContainEqual({ code: 'torn', line: 5 });
    await openLog().append(event('f'));
    expect(await findings()).toContainEqual({ code: 'removed', line: 5, from: 5, to: 5 });

    await rm(`${file}.head`);
    await rewrite([]);
    await fiveLines();
    await appendFile(file, '{"seq":6,"prev');
    await openLog().append(event('f'));
    expect(await findings()).toEqual([]);
  });

  it('that was written from new is found out by a line that somebody noted down', async () => {
    await fiveLines();
    const { mark } = await readAudit(file);
    expect(await findings(mark.sha256)).toEqual([]);
    await rm(file);
    await rm(`${file}.head`);
    await openLog().append(event('forged'));
    expect(await findings()).toEqual([]);
    expect(await findings(mark.sha256)).toEqual([{ code: 'unknownMark', sha256: mark.sha256 }]);
  });

  it('stops nothing when it cannot be written, and has all events in order once it can', async () => {
    // Nothing can be made below a file, as nothing can be written to a full disk.
    await writeFile(join(folder, '.mediwatch'), '');
    const log = openLog();
    expect(await log.append(event('a'))).toBeNull();
    expect(await log.append(event('b'))).toBeNull();
    expect(failures).toHaveLength(2);
    await rm(join(folder, '.mediwatch'));
    expect(await log.append(event('c'))).toMatchObject({ seq: 3 });
    expect((await readAudit(file)).lines.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
    expect(await findings()).toEqual([]);
  });

  it('is shown and checked by the command', async () => {
    const lines = await fiveLines();
    await writeFile(join(folder, 'mediwatch.yaml'), '');
    const env = { MEDIWATCH_CONFIG: join(folder, 'mediwatch.yaml') };
    const shown = await mediwatch(env, 'audit', '--limit', '2');
    expect(shown.json).toMatchObject({ total: 5, events: [{ key: 'd' }, { key: 'e' }], findings: [] });
    const { exitCode, json } = await mediwatch<{ sha256: string }>(env, 'audit', 'verify');
    expect({ exitCode, ...json }).toMatchObject({ exitCode: 0, lines: 5, seq: 5, findings: [] });
    await rewrite(lines.with(1, edited(lines[1] ?? '')));
    const changed = await mediwatch(env, 'audit', 'verify', '--known', json.sha256);
    expect(changed.exitCode).toBe(1);
    expect(changed.json).toMatchObject({ findings: [{ code: 'changed', line: 2 }] });
  });
});

const bench = useWorkflowBench();
let world: World;

const keyOf = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    open: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    secret: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
};
const ADA = keyOf();
const EVE = keyOf();

/** A world whose decisions and changes are looked at and written down in earnest. */
function auditedWorld(change: (config: Config) => void = () => undefined): void {
  world = bench.world = createWorld();
  addVersions(world, 0.65, 0.7, 0.75);
  const config = loadConfig({}, '/nowhere');
  config.approval.required = true;
  change(config);
  const { client } = bench;
  const audit = createAudit(openLog(), client);
  const { admitDecision, audit: write } = translated(createDecisionActivities({ config, client, audit }));
  // Of MLflow only the tags of versions are written.
  const mlflow = { setVersionTags: async () => undefined } as never;
  const { recordProduction } = createRegistryActivities({ config, mlflow, audit });
  Object.assign(world.override, {
    admitDecision,
    audit: write,
    recordProduction,
    ...translated(createPlanActivities({ config, searchable: () => true, audit })),
  });
}

const waits = async (input: object): Promise<WorkflowHandle> => {
  const handle = await bench.start('promote', input);
  const isWaiting = async () =>
    (await handle.query<Progress>('progress').catch(() => null))?.waiting?.for === 'decision';
  await until(isWaiting, { timeoutMs: 30_000, what: 'a promotion to wait for a decision' });
  return handle;
};
const decide = (handle: WorkflowHandle, decision: object) =>
  handle.executeUpdate(decidePromotion, { args: [decision as never] });
const refused = async (handle: WorkflowHandle, decision: object) =>
  String((await decide(handle, decision).catch((error: Error) => error.cause)) as unknown);
const signed = (workflowId: string, key: string, decision: Partial<Decision> = {}) => {
  const whole = { decision: 'approve', by: 'ada', reason: '', at: new Date().toISOString(), ...decision } as const;
  return { ...whole, signature: signDecision(key, { workflowId, registeredModel: MODEL, version: '2' }, whole) };
};
const events = async () => (await readAudit(file)).lines;

describe('what happens to production', () => {
  it('is written down with who asked as claimed, who started it, and what came of it', async () => {
    auditedWorld();
    const handle = await waits({ version: '2', by: 'grace' });
    await decide(handle, { decision: 'approve', by: 'ada', reason: 'agreed' });
    await handle.result();
    await bench.run('rollback', { by: 'linus', reason: 'complaints' });
    expect(await bench.refusal('promote', { registeredModel: 'Typo', by: 'eve' })).toMatchObject({
      type: 'ModelUndeclared',
    });
    const lines = await events();
    expect(lines.map(({ event, version, by, signed }) => ({ event, version, by, signed }))).toEqual([
      { event: 'approved', version: '2', by: 'ada', signed: false },
      { event: 'promoted', version: '2', by: 'ada', signed: false },
      { event: 'deployed', version: '2', by: null, signed: false },
      { event: 'rolledBack', version: '1', by: 'linus', signed: false },
      { event: 'deployed', version: '1', by: null, signed: false },
      { event: 'refused', version: null, by: 'eve', signed: false },
    ]);
    // This server authenticates nobody, and says so.
    const claimed = { identity: bench.client.options.identity, principal: null };
    expect(lines[0]).toMatchObject({ starter: claimed, decider: claimed, workflowId: handle.workflowId });
    expect(await findings()).toEqual([]);
  });

  it('is written down when it is taken back or rejected, too', async () => {
    auditedWorld();
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    const failed = await waits({ version: '2' });
    await decide(failed, { decision: 'approve', by: 'ada' });
    await expect(failed.result()).rejects.toThrow();
    const other = await waits({ version: '3' });
    await decide(other, { decision: 'reject', by: 'ada', reason: 'no' });
    await expect(other.result()).rejects.toThrow();
    expect((await events()).map(({ event }) => event)).toEqual(['approved', 'promoted', 'restored', 'rejected']);
  });

  it('is held up by no log that cannot be written', async () => {
    await writeFile(join(folder, '.mediwatch'), '');
    auditedWorld((config) => {
      config.approval.required = false;
    });
    expect(await bench.run('promote', { version: '2' })).toMatchObject({ deployment: { version: '2' } });
    expect(failures).not.toEqual([]);
  });
});

describe('an approval of which the settings say who gives it', () => {
  it('counts with the signature of an approver over this very decision, and with nothing else', async () => {
    auditedWorld((config) => {
      config.approval.approvers = { ada: ADA.open, bob: '' };
    });
    const handle = await waits({ version: '2', by: 'grace' });
    const { workflowId } = handle;
    const own = signed(workflowId, ADA.secret);
    expect(await refused(handle, { decision: 'approve', by: 'eve' })).toContain('none of the approvers');
    expect(await refused(handle, { decision: 'approve', by: 'ada' })).toContain('needs a signature');
    expect(await refused(handle, signed(workflowId, EVE.secret))).toContain('not that of ada');
    expect(await refused(handle, signed('another', ADA.secret))).toContain('not that of ada');
    expect(await refused(handle, { ...own, reason: 'another' })).toContain('not that of ada');
    const old = new Date(Date.now() - 3_600_000).toISOString();
    expect(await refused(handle, signed(workflowId, ADA.secret, { at: old }))).toContain('minutes from now');
    expect(world.history).toEqual([]);
    const key = join(folder, 'ada.pem');
    await writeFile(key, ADA.secret);
    const env = { TEMPORAL_ADDRESS: (bench.client.connection as Connection).options.address };
    const { exitCode, stderr } = await mediwatch(env, 'approve', workflowId, '--by', 'ada', '--key', key);
    expect(exitCode, stderr).toBe(0);
    expect(await handle.result()).toMatchObject({ promotion: { promoted: true, approvedBy: 'ada' } });
    const lines = await events();
    expect(lines.filter(({ event }) => event === 'decisionRefused')).toHaveLength(6);
    expect(lines.find(({ event }) => event === 'approved')).toMatchObject({ by: 'ada', signed: true });
  });

  it('does not come from who asked for the promotion, however the name is written', async () => {
    auditedWorld((config) => {
      config.approval.notRequester = true;
    });
    const handle = await waits({ version: '2', by: 'Grace' });
    expect(await refused(handle, { decision: 'approve', by: ' grace' })).toContain('somebody else');
    await decide(handle, { decision: 'approve', by: 'ada' });
    await handle.result();
    const unknown = await waits({ version: '3' });
    expect(await refused(unknown, { decision: 'approve', by: 'ada' })).toContain('Nobody said who asked');
    await decide(unknown, { decision: 'reject', by: 'ada', reason: 'unknown' });
  });

  it('is left out by no input, and passed by neither a rollback nor a redeployment', async () => {
    auditedWorld((config) => {
      config.approval.approvers = { ada: ADA.open };
    });
    for (const type of ['promote', 'retrain']) {
      expect((await bench.refusal(type, { approval: false })).message).toContain('cannot leave the approval out');
    }
    for (const type of ['rollback', 'redeploy']) {
      const { type: code, message } = await bench.refusal(type, { version: '2' });
      expect({ code, message }).toMatchObject({ code: 'InvalidInput', message: expect.stringContaining('Production') });
    }
    expect(world.serving?.version).toBe('1');
    const before = world.versions.find(({ version }) => version === '3');
    if (before) before.tags[`${TAGS.production}2026-01-31`] = '{}';
    expect(await bench.run('rollback', { version: '3' })).toMatchObject({ version: '3' });
  });
});
