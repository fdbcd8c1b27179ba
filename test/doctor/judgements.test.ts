import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RegistrySnapshot, RegistryStage } from '../../src/contracts/registry.ts';
import { judgePushAccess } from '../../src/doctor/checks/imageRegistry.ts';
import { judgeStatic } from '../../src/doctor/checks/staticFiles.ts';
import { problem, problemsInWords, warning, worstOf } from '../../src/doctor/finding.ts';
import { parseRepository } from '../../src/doctor/images/reference.ts';
import { judgeAgreement } from '../../src/doctor/judge/agreement.ts';
import { judgeColumns } from '../../src/doctor/judge/data.ts';
import { judgeSpace } from '../../src/doctor/judge/disk.ts';
import { judgeHealth } from '../../src/doctor/judge/health.ts';
import { judgeMlflowVersion } from '../../src/doctor/judge/mlflowVersion.ts';
import { judgePort } from '../../src/doctor/judge/ports.ts';
import { judgeOwnLog, judgePredictionLog } from '../../src/doctor/judge/predictionLog.ts';
import { judgeProduction } from '../../src/doctor/judge/production.ts';
import { judgeQueue } from '../../src/doctor/judge/workers.ts';
import type { RegistryChange } from '../../src/domain/registryMoves.ts';

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
    expect(disagreements).toEqual(['version 2 is in Production, but champion is version 3']);
    expect(changes).toEqual([{ kind: 'setAlias', alias: 'champion', version: '2' }]);
  });

  it('previous becomes the rollback target in Staging, and not the candidate beside it', () => {
    const snapshot = registry(['Staging', 'Production', 'Staging'], { champion: '2', challenger: '3' });
    expect(judgeAgreement(snapshot).changes).toEqual([{ kind: 'setAlias', alias: 'previous', version: '1' }]);
  });

  it('what only a person can decide is shown and left alone', () => {
    expect(judgeAgreement(registry(['Production', 'Production']))).toMatchObject({
      disagreements: [expect.stringContaining('versions 1, 2 are in Production')],
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

describe('Production', () => {
  it.each([
    ['no version at all', [], 'problem', 'has no version yet', 'mediwatch retrain'],
    ['no version in it', ['None', 'Archived'], 'problem', 'none of 2 versions', 'mediwatch promote 2'],
    ['two versions in it', ['Production', 'Production'], 'problem', 'versions 1 and 2 are', '--fix-aliases'],
  ] as const)('with %s is a problem', (_, stages, level, text, mend) => {
    const finding = judgeProduction('M', registry([...stages]));
    expect(finding).toMatchObject({ level, text: expect.stringContaining(text), mend: expect.stringContaining(mend) });
  });
  it('with one is well', () => {
    expect(judgeProduction('M', registry(['Production', 'None'])).level).toBe('ok');
  });
});

describe('the API', () => {
  const expected = { registeredModel: 'M', version: '3', source: 'mlflow' } as const;
  const health = (body: object, status = 200) =>
    judgeHealth({ status, body: { model_name: 'M', model_version: '3', model_source: 'mlflow', ...body } }, expected);

  it('that serves the version in Production is well', () => expect(worstOf(health({}))).toBe('ok'));
  it('that serves another one is to be redeployed', () => {
    expect(health({ model_version: '2' })).toEqual([
      problem('it serves version 2, but version 3 is in Production', 'mediwatch redeploy'),
    ]);
  });
  it.each([
    ['MODEL_SOURCE', { model_source: 'local' }],
    ['MLFLOW_MODEL_NAME', { model_name: 'Other' }],
    ['MLFLOW_MODEL_STAGE', { model_stage: 'Staging' }],
  ])('with a wrong %s is told so', (variable, body) => {
    expect(problemsInWords(health(body))).toContain(`its ${variable} is`);
  });
  it('without a model says the reason that it gives itself', () => {
    const body = { model_version: null, reason: 'MLflow cannot be reached' };
    expect(problemsInWords(health(body, 503))).toContain('it has no model: MLflow cannot be reached');
  });
  it('that is something else is told so', () => {
    expect(problemsInWords(judgeHealth({ status: 200, body: '<html>' }, expected))).toContain('deployment.apiUrl');
  });
});

describe('the prediction log', () => {
  const place = { folder: '/logs', mounted: false, predict: 'POST', minRows: 50 };
  const columns = ['event_id', 'ts', 'model_version', 'threshold', 'age', 'prob', 'pred'];
  const file = (rows: number) => judgePredictionLog({ kind: 'file', columns, rows, atLeast: false }, place);

  it('tells a folder that is not mounted from a log without predictions', () => {
    expect(judgePredictionLog({ kind: 'noFolder' }, { ...place, mounted: true })).toMatchObject({
      level: 'problem',
      text: expect.stringContaining('not mounted'),
    });
    expect(judgePredictionLog({ kind: 'noFile' }, { ...place, mounted: true }).text).toContain(
      'no prediction was made',
    );
    expect(judgePredictionLog({ kind: 'noFolder' }, place)).toMatchObject({ level: 'warning' });
  });
  it('of a project of its own may be of any files, but must be there', () => {
    expect(judgeOwnLog({ path: '/p', files: 0, rows: null }, 50)).toMatchObject({ level: 'problem' });
    expect(judgeOwnLog({ path: '/p', files: 3, rows: null }, 50)).toMatchObject({ level: 'ok' });
    expect(judgeOwnLog({ path: '/p', files: 1, rows: 37 }, 50).text).toContain('too few rows (37 of 50)');
  });
  it('with fewer rows than a report needs is too short', () => {
    expect(file(37)).toMatchObject({ level: 'warning', text: 'too few rows (37 of 50) for a drift report' });
    expect(file(49).level).toBe('warning');
    expect(file(50).level).toBe('ok');
  });
  it('is not any CSV file', () => {
    const finding = judgePredictionLog({ kind: 'file', columns: ['a', 'b'], rows: 99, atLeast: false }, place);
    expect(finding).toMatchObject({ level: 'problem', text: expect.stringContaining('lacks the columns event_id') });
  });
});

describe('workers', () => {
  const queue = { queue: 'q', role: 'training', waits: 'retrains', backlog: 0, busy: false };
  it.each([
    [[5_000, 400], false, 'ok'],
    [[], false, 'problem'],
    [[200_000], false, 'problem'],
    // All slots of a training worker may be taken for minutes.
    [[200_000], true, 'warning'],
    [[], true, 'warning'],
  ])('that asked for work %j ms ago, with workflows running: %s, are %s', (pollerAges, busy, level) => {
    expect(judgeQueue({ ...queue, pollerAges, busy }).level).toBe(level);
  });
  it('of the orchestration are never too busy to ask', () => {
    const finding = judgeQueue({ ...queue, role: 'orchestration', pollerAges: [], busy: true, backlog: 2 });
    expect(finding).toMatchObject({ level: 'problem', text: expect.stringContaining('2 tasks waiting') });
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
    const denied = { kind: 'denied', status: 401, url: '' } as const;
    expect(judgePushAccess(denied, repository, undefined)).toMatchObject({ mend: 'docker login ghcr.io' });
    const login = { username: 'nurse', source: 'config.json' };
    expect(judgePushAccess(denied, repository, login).mend).toContain('write packages');
  });
});

describe('the rest', () => {
  it.each([
    [0.5, 'problem'],
    [1, 'warning'],
    [4.9, 'warning'],
    [5, 'ok'],
  ])('%d GiB free: %s', (gib, level) => expect(judgeSpace('/state', gib * GIB).level).toBe(level));
  it.each([
    ['1.30.1', 'warning'],
    ['2.9.2', 'warning'],
    ['2.12.2', 'warning'],
    ['2.13.0', 'ok'],
    ['2.22.1', 'ok'],
    ['3.0.0rc1', 'ok'],
    ['3.17.2', 'ok'],
  ])('an MLflow server of version %s: %s', (version, level) => {
    const finding = judgeMlflowVersion(version, 'http://mlflow');
    expect(finding.level).toBe(level);
    expect(finding.text).toContain(`version ${version} at http://mlflow`);
  });
  it('a static path that answers 404 was not collected into the image', () => {
    expect(judgeStatic('/static/x.css', 404).text).toContain('the static files were not collected into the image');
    expect(judgeStatic('/static/x.css', 500).text).toContain('500 in place of 200');
  });
  it('a port is wrong only when something else holds it', () => {
    const port = { port: 5000, setting: 'stack.mlflowPort', part: 'MLflow', holder: 'process 7 (other)' };
    expect(judgePort({ ...port, listening: false, answers: false })).toEqual([]);
    expect(judgePort({ ...port, listening: true, answers: true })).toEqual([]);
    const words = problemsInWords(judgePort({ ...port, listening: true, answers: false }));
    expect(words).toContain('port 5000 of MLflow is taken by process 7 (other)');
    expect(words).toContain('MEDIWATCH_STACK_MLFLOW_PORT');
  });
  it('problems become sentences with what mends them; warnings do not', () => {
    const words = problemsInWords([problem('it is gone', 'npm start'), warning('it is small', 'grow')]);
    expect(words).toBe('it is gone. To mend it: npm start');
  });
});

describe('columns of the data', () => {
  const of = (more: object) =>
    judgeColumns(['encounter_id', 'visit_2024', 'readmitted'], {
      path: 'x.csv',
      target: 'readmitted',
      group: null,
      ...more,
    });

  it('that a list names and the file lacks are warned of: what was meant is learned from', () => {
    expect(of({ drop: ['encounterid', 'visit_2023'], idCategories: ['type_id'] }).slice(1)).toMatchObject([
      { level: 'warning', text: expect.stringContaining('did you mean "encounter_id"?'), setting: ['data', 'drop', 0] },
      { level: 'warning', text: 'x.csv has no column "visit_2023" (data.drop)' },
      { level: 'warning', text: expect.stringContaining('no column "type_id" (data.idCategories)') },
    ]);
  });

  it('of the bundled lists need not be there', () => {
    expect(of({}).map(({ level }) => level)).toEqual(['ok']);
  });
});
