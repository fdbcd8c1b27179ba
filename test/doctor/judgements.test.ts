import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RegistrySnapshot, RegistryStage } from '../../src/contracts/registry.ts';
import { judgeHealth, judgeStaticPath } from '../../src/doctor/api.ts';
import { cellsOf } from '../../src/doctor/csv.ts';
import { judgeColumns } from '../../src/doctor/data.ts';
import { judgePushAccess, parseRepository } from '../../src/doctor/imageRegistry.ts';
import { judgePort, otherAccounts } from '../../src/doctor/machine.ts';
import { judgeMlflowVersion } from '../../src/doctor/mlflow.ts';
import { judgeOwnLog, judgePredictionLog } from '../../src/doctor/predictionLog.ts';
import { judgeAgreement, judgeProduction } from '../../src/doctor/registry.ts';
import { judgeNamespace, judgeQueue } from '../../src/doctor/temporal.ts';
import type { RegistryChange } from '../../src/domain/registryMoves.ts';
import { judgeSpace } from '../../src/systems/disk.ts';
import { type Finding, finding, findingText, problemsText, severityOf } from '../../src/words/findings.ts';

const GIB = 2 ** 30;
const registry = (stages: RegistryStage[], aliases: Record<string, string> = {}): RegistrySnapshot => ({
  versions: stages.map((registryStage, index) => ({ version: String(index + 1), registryStage })),
  aliases,
});

/** What MLflow does: archiving the others of the stage is one transaction with the move. */
function applied({ versions, aliases }: RegistrySnapshot, changes: readonly RegistryChange[]): RegistrySnapshot {
  const after = { versions: versions.map((version) => ({ ...version })), aliases: { ...aliases } };
  for (const change of changes) {
    if (change.kind === 'setAlias') after.aliases[change.alias] = change.version;
    else if (change.kind === 'deleteAlias') delete after.aliases[change.alias];
    else {
      for (const version of after.versions) {
        if (version.version === change.version) version.registryStage = change.registryStage;
        else if (change.archiveExisting && version.registryStage === change.registryStage)
          version.registryStage = 'Archived';
      }
    }
  }
  return after;
}

describe('a namespace', () => {
  const of = { namespace: 'mediwatch.a1b2c', address: 'eu-central-1.aws.api.temporal.io:7233' };
  const codes = (facts: Partial<Parameters<typeof judgeNamespace>[0]>) =>
    judgeNamespace({ ...of, retentionDays: 30, updates: true, payloadBytes: 2 ** 21, ...facts }).map(
      ({ code }) => code,
    );

  it('that keeps its history, takes updates and large payloads is in order, and so is one that does not say', () => {
    expect(codes({})).toEqual([]);
    expect(codes({ updates: undefined, payloadBytes: undefined })).toEqual([]);
  });

  it('that does not is told', () => {
    expect(codes({ retentionDays: 1 })).toEqual(['retentionShort']);
    expect(codes({ updates: false })).toEqual(['updatesRefused']);
    expect(codes({ payloadBytes: 2 ** 18 })).toEqual(['payloadsLimited']);
  });
});

describe('stages and aliases', () => {
  it('agree after any promotion that was completed', () => {
    const snapshot = registry(['Archived', 'Staging', 'Production', 'None'], {
      champion: '3',
      previous: '2',
      challenger: '4',
    });
    expect(judgeAgreement(snapshot)).toEqual({ disagreements: [], changes: [] });
  });

  it('that a promotion left half done are completed, with the version that served as the rollback target', () => {
    const snapshot = registry(['Staging', 'Archived', 'Production'], { champion: '2', previous: '1' });
    const after = applied(snapshot, judgeAgreement(snapshot).changes);
    expect(after).toEqual(registry(['Archived', 'Staging', 'Production'], { champion: '3', previous: '2' }));
  });

  it('an alias that was moved by hand comes back to the version in Production', () => {
    const snapshot = registry(['Staging', 'Production', 'None'], { champion: '3', previous: '1' });
    const { disagreements, changes } = judgeAgreement(snapshot);
    expect(disagreements).toEqual([finding('championElsewhere', { production: '2', champion: '3', fixable: true })]);
    expect(changes).toEqual([{ kind: 'setAlias', alias: 'champion', version: '2' }]);
  });

  it('previous becomes the rollback target in Staging, and not the candidate beside it', () => {
    const snapshot = registry(['Staging', 'Production', 'Staging'], { champion: '2', challenger: '3' });
    expect(judgeAgreement(snapshot).changes).toEqual([{ kind: 'setAlias', alias: 'previous', version: '1' }]);
  });

  it('what only a person can decide is shown and left alone', () => {
    expect(judgeAgreement(registry(['Production', 'Production']))).toMatchObject({
      disagreements: [finding('championAmongSeveral', { production: ['1', '2'], champion: null, fixable: false })],
      changes: [],
    });
    expect(judgeAgreement(registry(['Archived'], { champion: '1' })).changes).toEqual([]);
  });

  it('whatever they are, reconciling never changes which single version is in Production, and is done in one go', () => {
    const stage = fc.constantFrom<RegistryStage>('None', 'Staging', 'Production', 'Archived');
    const alias = fc.option(fc.integer({ min: 1, max: 5 }).map(String), { nil: undefined });
    const aliases = fc.record({ champion: alias, previous: alias, challenger: alias });
    fc.assert(
      fc.property(fc.array(stage, { minLength: 1, maxLength: 5 }), aliases, (stages, named) => {
        const known = Object.entries(named).filter(([, version]) => Number(version) <= stages.length);
        const before = registry(stages, Object.fromEntries(known) as Record<string, string>);
        const { changes } = judgeAgreement(before);
        const after = applied(before, changes);
        const production = (snapshot: RegistrySnapshot) =>
          snapshot.versions.filter((version) => version.registryStage === 'Production').map(({ version }) => version);
        if (production(before).length <= 1) expect(production(after)).toEqual(production(before));
        else if (changes.some(({ kind }) => kind === 'move'))
          expect(production(before)).toEqual(expect.arrayContaining(production(after)));
        if (production(after).length === 1) expect(after.aliases.champion).toBe(production(after)[0]);
        expect(judgeAgreement(after).changes).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});

const codesOf = (findings: readonly Finding[]) => findings.map(({ code }) => code);
const remedyOf = (one: Finding) => findingText(one).remedy;

describe('Production', () => {
  const judged = (stages: RegistryStage[]) => judgeProduction('M', registry(stages));
  it.each<[string, RegistryStage[], Finding['code'], string]>([
    ['no version at all', [], 'noVersions', 'mediwatch retrain'],
    ['no version in it', ['None', 'Archived'], 'nothingInProduction', 'mediwatch promote 2'],
    ['two versions in it', ['Production', 'Production'], 'severalInProduction', '--fix-aliases'],
  ])('with %s is a problem', (_, stages, code, remedy) => {
    const found = judged(stages);
    expect([found.code, severityOf(found)]).toEqual([code, 'problem']);
    expect(remedyOf(found)).toContain(remedy);
  });
  it('with one is well', () => {
    expect(judged(['Production', 'None'])).toMatchObject({ code: 'productionVersion', facts: { version: '1' } });
  });
});

describe('the API', () => {
  const expected = { registeredModel: 'M', version: '3', source: 'mlflow' } as const;
  const health = (body: object, status = 200) =>
    judgeHealth({ status, body: { model_name: 'M', model_version: '3', model_source: 'mlflow', ...body } }, expected);

  it('that serves the version in Production is well', () => expect(codesOf(health({}))).toEqual(['apiServes']));
  it('that serves another one is to be redeployed', () => {
    const [other, ...others] = health({ model_version: '2' });
    expect([other, others]).toEqual([finding('apiServesOther', { version: '2', production: '3' }), []]);
    expect(remedyOf(other as Finding)).toBe('mediwatch redeploy');
  });
  it.each([
    ['MODEL_SOURCE', { model_source: 'local' }],
    ['MLFLOW_MODEL_NAME', { model_name: 'Other' }],
    ['MLFLOW_MODEL_STAGE', { model_stage: 'Staging' }],
  ])('with a wrong %s is misconfigured', (variable, body) => {
    expect(health(body)).toMatchObject([{ code: 'apiMisconfigured', facts: { variable } }]);
  });
  it('without a model says the reason that it gives itself', () => {
    const reason = 'MLflow cannot be reached';
    expect(health({ model_version: null, reason }, 503)).toMatchObject([
      { code: 'apiWithoutModel', facts: { reason } },
    ]);
  });
  it('that is something else is recognised', () => {
    expect(codesOf(judgeHealth({ status: 200, body: '<html>' }, expected))).toEqual(['notTheApi']);
  });
});

describe('the prediction log', () => {
  const place = { folder: '/logs', isMounted: false, apiUrl: 'http://api', minRows: 50 };
  const columns = ['event_id', 'ts', 'model_version', 'threshold', 'age', 'prob', 'pred'];
  const file = (rows: number) => judgePredictionLog({ kind: 'file', columns, rows }, place);

  it('tells a folder that is not mounted from a log without predictions', () => {
    expect(judgePredictionLog({ kind: 'noFolder' }, { ...place, isMounted: true }).code).toBe('logNotMounted');
    expect(judgePredictionLog({ kind: 'noFile' }, { ...place, isMounted: true }).code).toBe('noPredictions');
    expect(severityOf(judgePredictionLog({ kind: 'noFolder' }, place))).toBe('warning');
  });
  it('of a project of its own may be of any files, but must be there', () => {
    expect(judgeOwnLog({ path: '/p', files: 0, rows: null }, 50).code).toBe('ownLogMissing');
    expect(judgeOwnLog({ path: '/p', files: 3, rows: null }, 50).code).toBe('predictionFilesThere');
    expect(judgeOwnLog({ path: '/p', files: 1, rows: 37 }, 50)).toEqual(
      finding('ownLogShort', { path: '/p', rows: 37, minRows: 50 }),
    );
  });
  it('with fewer rows than a report needs is too short', () => {
    expect(file(37)).toMatchObject({ code: 'tooFewPredictions', facts: { rows: 37, minRows: 50 } });
    expect(file(49).code).toBe('tooFewPredictions');
    expect(file(50).code).toBe('predictionsLogged');
  });
  it('is not any CSV file', () => {
    const found = judgePredictionLog({ kind: 'file', columns: ['a', 'b'], rows: 99 }, place);
    expect(found).toMatchObject({
      code: 'notAPredictionLog',
      facts: { missing: expect.arrayContaining(['event_id']) },
    });
  });
});

describe('workers', () => {
  const queue = { queue: 'q', role: 'training', backlog: 0, busy: false } as const;
  it.each([
    [[5_000, 400], false, 'ok'],
    [[], false, 'problem'],
    [[200_000], false, 'problem'],
    // All slots of a training worker may be taken for minutes.
    [[200_000], true, 'warning'],
    [[], true, 'warning'],
  ])('that asked for work %j ms ago, with workflows running: %s, are %s', (pollerAges, busy, level) => {
    expect(severityOf(judgeQueue({ ...queue, pollerAges, busy }))).toBe(level);
  });
  it('of the orchestration are never too busy to ask', () => {
    const found = judgeQueue({ ...queue, role: 'orchestration', pollerAges: [], busy: true, backlog: 2 });
    expect(found).toMatchObject({ code: 'queueUnserved', facts: { backlog: 2 } });
  });
});

describe('an image registry', () => {
  it.each([
    ['ghcr.io/sugan2saba/ml', 'ghcr.io', 'sugan2saba/ml', 'https://ghcr.io'],
    ['localhost:5001/ml', 'localhost:5001', 'ml', 'http://localhost:5001'],
    ['python', 'docker.io', 'library/python', 'https://registry-1.docker.io'],
    ['me/ml', 'docker.io', 'me/ml', 'https://registry-1.docker.io'],
  ])('%s is that of %s', (image, host, name, url) => {
    const repository = parseRepository(image);
    expect(repository).toMatchObject({ host, name });
    expect(repository.urls[0]).toBe(url);
  });
  it('that denies a push names the login or the permission that is missing', () => {
    const repository = parseRepository('ghcr.io/sugan2saba/ml');
    const denied = { kind: 'denied', status: 401 } as const;
    expect(judgePushAccess(denied, repository, undefined).code).toBe('loginMissing');
    const login = { username: 'nurse', source: 'config.json' };
    expect(remedyOf(judgePushAccess(denied, repository, login))).toContain('write packages');
  });
});

describe('the rest', () => {
  it.each([
    [0.5, 'problem'],
    [1, 'warning'],
    [4.9, 'warning'],
    [5, 'ok'],
  ])('%d GiB free: %s', (gib, level) => expect(severityOf(judgeSpace('/state', gib * GIB))).toBe(level));
  it.each([
    ['1.30.1', 'warning'],
    ['2.9.2', 'warning'],
    ['2.12.2', 'warning'],
    ['2.13.0', 'ok'],
    ['2.22.1', 'ok'],
    ['3.0.0rc1', 'ok'],
    ['3.17.2', 'ok'],
  ])('an MLflow server of version %s: %s', (version, level) => {
    const found = judgeMlflowVersion(version, 'http://mlflow');
    expect(severityOf(found)).toBe(level);
    expect(found.facts).toMatchObject({ version, uri: 'http://mlflow' });
  });
  it('a static path that answers 404 was not collected into the image', () => {
    expect(codesOf(judgeStaticPath('/static/x.css', 404))).toEqual(['staticPathMissing']);
    expect(codesOf(judgeStaticPath('/static/x.css', 500))).toEqual(['staticPathWrong']);
    expect(judgeStaticPath('/static/x.css', 200)).toEqual([]);
  });
  it('others who can log in are people: neither services, nor root, nor ourselves', () => {
    const passwd = [
      'root:x:0:0::/root:/bin/bash',
      'daemon:x:1:1::/:/usr/sbin/nologin',
      'me:x:1000:1000::/home/me:/bin/zsh',
      'she:x:1001:1001::/home/she:/bin/bash',
      'build:x:1002:1002::/home/build:/bin/false',
      'nobody:x:65534:65534::/:/bin/sh',
      '',
    ].join('\n');
    expect(otherAccounts(passwd, 1000)).toEqual(['she']);
    expect(otherAccounts(passwd, 0)).toEqual(['me', 'she']);
  });

  it('a port is wrong only when something else holds it', () => {
    const port = { port: 5000, setting: 'stack.mlflowPort', part: 'MLflow', holder: 'process 7 (other)' };
    expect(judgePort({ ...port, isHeld: false, answers: false })).toEqual([]);
    expect(judgePort({ ...port, isHeld: true, answers: true })).toEqual([]);
    expect(judgePort({ ...port, isHeld: true, answers: false })).toMatchObject([
      { code: 'portTaken', facts: { holder: 'process 7 (other)', variable: 'MEDIWATCH_STACK_MLFLOW_PORT' } },
    ]);
  });
  it('problems become sentences with their remedies; warnings do not', () => {
    const found = [
      finding('schemaAway', { reason: 'gone', path: '/schema' }),
      finding('scheduleMissing', { name: 'nightly' }),
    ];
    expect(problemsText(found)).toBe(
      '/schema: gone. To fix it: mediwatch redeploy; if it stays, log the model with a signature',
    );
  });
});

describe('columns of the data', () => {
  const path = 'x.csv';
  const of = (more: object) =>
    judgeColumns(['encounter_id', 'visit_2024', 'readmitted'], {
      path,
      target: 'readmitted',
      group: null,
      ...more,
    });

  it('that a list names and the file lacks are warned of: what was meant is learned from', () => {
    const lists = { drop: ['encounterid', 'visit_2023'], idCategories: ['type_id'] };
    expect(of(lists).slice(1)).toEqual([
      finding('columnUnknown', { path, column: 'encounterid', list: 'drop', meant: ['encounter_id'] }, [
        'data',
        'drop',
        0,
      ]),
      finding('columnUnknown', { path, column: 'visit_2023', list: 'drop', meant: [] }, ['data', 'drop', 1]),
      finding('columnUnknown', { path, column: 'type_id', list: 'idCategories', meant: [] }, [
        'data',
        'idCategories',
        0,
      ]),
    ]);
  });

  it('of the bundled lists need not be there', () => {
    expect(codesOf(of({}))).toEqual(['dataFits']);
  });
});

it('the header is read with data.separator, whatever else is in it', () => {
  expect(cellsOf('"a;1";b,c;d\r\n')).toEqual(['a;1', 'b,c', 'd']);
  for (const separator of ['^', ']', '-', '\\', '\t', ':']) {
    const header = ['a;b', `"c${separator}d"`, 'e,f;g'].join(separator);
    expect(cellsOf(header, separator)).toEqual(['a;b', `c${separator}d`, 'e,f;g']);
  }
});
