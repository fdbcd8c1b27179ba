import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TASK_QUEUES, workflowIds } from '../../src/contracts/names.ts';
import { mediwatch, NOWHERE, spawnMediwatch } from '../cli/support.ts';
import { doctor, MODEL, promoteByHand, startSystem, type TestSystem } from './system.ts';

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem();
}, 180_000);
afterAll(async () => {
  await system.stop();
});

const HEADER = 'event_id,ts,model_version,threshold,age,prob,pred';
async function logPredictions(rows: number): Promise<void> {
  const folder = join(system.dir, 'predictions');
  await mkdir(folder, { recursive: true });
  const lines = Array.from({ length: rows }, (_, row) => `e${row},1764000000.1,1,0.5,"[70-80)\n",0.25,0`);
  await writeFile(join(folder, 'predictions.csv'), `${[HEADER, ...lines].join('\n')}\n`);
}

describe('doctor', () => {
  it('of a system that works finds no problem, and says what it looked at', async () => {
    await logPredictions(60);
    const { code, healthy, codes, facts, problems } = await doctor(system.env);
    expect(problems).toEqual([]);
    expect([code, healthy]).toEqual([0, true]);
    expect(facts('Temporal')).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+/), namespace: 'default' });
    expect(codes('Workers')).toEqual(['queueServed', 'queueServed', 'queueServed']);
    expect(codes('Search attributes')).toEqual(['searchAttributesRegistered']);
    expect(codes('MLflow')).toEqual(['mlflowAnswers']);
    expect(facts('Production version')).toMatchObject({ version: '1', versions: 2 });
    expect(codes('Model files')).toEqual(['modelFileAvailable']);
    expect(codes('API')).toEqual(['apiServes', 'schemaDescribed']);
    expect(facts('API')).toEqual({ version: '1', registeredModel: 'MediWatchReadmit' });
    expect(facts('Prediction log')).toMatchObject({ rows: 60 });
    expect(facts('Data')).toMatchObject({ columns: 50, target: 'readmitted' });
    expect(codes('Disk').join()).toMatch(/^diskSpace/);
  });

  it('prints a line for each check, and what helps, for a reader', async () => {
    await logPredictions(37);
    const { code, out } = await mediwatch(['doctor'], { env: system.env });
    expect(code).toBe(0);
    expect(out).toMatch(/^ok +Temporal +server/m);
    expect(out).toMatch(
      /^warning +Prediction log +too few rows \(37 of 50\) for a drift report\n +fix: POST records to/m,
    );
    expect(out).toMatch(/No problem, \d warnings?\.\n$/);
  });

  it('counts predictions of the model alone', async () => {
    const row = (name: string, at: number) => `e${at},${at},${name},1,0.2,60,0.1,0`;
    const rows = [...Array(70).keys()].map((at) => row(at < 20 ? 'MediWatchReadmit' : 'Other', at));
    const header = HEADER.replace('model_version', 'registered_model,model_version');
    await writeFile(join(system.dir, 'predictions', 'predictions.csv'), `${[header, ...rows].join('\n')}\n`);
    const { findings } = await doctor(system.env);
    expect(findings('Prediction log')).toMatchObject([{ code: 'tooFewPredictions', facts: { rows: 20 } }]);
  });

  it('warns that no prediction was made yet', async () => {
    await rm(join(system.dir, 'predictions'), { recursive: true });
    const { codes, code } = await doctor(system.env);
    expect(code).toBe(0);
    expect(codes('Prediction log')).toEqual(['noPredictions']);
  });

  it('finds that the API serves another version than Production, and what helps', async () => {
    await promoteByHand(system.registry, '2');
    const { code, problems, findings } = await doctor(system.env);
    expect([code, problems]).toEqual([1, ['API']]);
    const [other] = findings('API');
    expect(other).toMatchObject({ code: 'apiServesOther', facts: { version: '1', production: '2' } });
    expect(other?.remedy).toBe('mediwatch redeploy');
    await promoteByHand(system.registry, '1');
  });

  it('finds static files that were not collected, and a data file without the target', async () => {
    const data = join(system.dir, 'data.csv');
    await writeFile(data, '"patient_nbr","age"\n1,2\n');
    const env = {
      ...system.env,
      MEDIWATCH_DEPLOYMENT_STATIC_PATHS: '/static/admin.css,/health',
      MEDIWATCH_DATA_PATH: data,
    };
    const { problems, codes, facts } = await doctor(env);
    expect(problems).toEqual(['Static files', 'Data']);
    expect(codes('Static files')).toEqual(['staticPathMissing']);
    expect(codes('Data')).toEqual(['columnMissing']);
    expect(facts('Data')).toMatchObject({ column: 'readmitted', setting: 'data.target' });
    const without = await doctor({ ...system.env, MEDIWATCH_DATA_PATH: 'nowhere.csv' });
    expect(without.findings('Data')).toMatchObject([
      { code: 'dataMissing', facts: { path: expect.stringMatching(/nowhere\.csv$/), isFile: true } },
    ]);
  });

  it('names a wrong namespace and the command that makes it', async () => {
    const { problems, findings, codes } = await doctor({ ...system.env, TEMPORAL_NAMESPACE: 'nobody' });
    expect(problems).toEqual(['Temporal']);
    expect(codes('Temporal')).toEqual(['namespaceMissing']);
    expect(findings('Temporal')[0]?.remedy).toContain('temporal operator namespace create --namespace nobody');
    expect(codes('Workers')).toEqual(['notChecked']);
  });

  it('reports one cause once: what depends on it is not checked', async () => {
    const { code, problems, findings } = await doctor({ ...system.env, TEMPORAL_ADDRESS: NOWHERE });
    expect([code, problems]).toEqual([1, ['Temporal']]);
    expect(findings('Workers')).toMatchObject([
      { code: 'notChecked', severity: 'skipped', facts: { without: 'temporal' }, remedy: null },
    ]);
    const away = await doctor({ ...system.env, MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' });
    expect(away.problems).toEqual(['MLflow']);
    expect(away.codes('Production version')).toEqual(['notChecked']);
  });

  it('names who holds a port that is meant for the stack', async () => {
    const server = await listen();
    const port = String(portOf(server));
    const { problems, findings } = await doctor({
      ...system.env,
      MLFLOW_TRACKING_URI: '',
      MEDIWATCH_STACK_MLFLOW_PORT: port,
    });
    server.close();
    expect(problems).toEqual(['MLflow', 'Ports']);
    const facts = { port: Number(port), part: 'MLflow', variable: 'MEDIWATCH_STACK_MLFLOW_PORT' };
    expect(findings('Ports')).toMatchObject([{ code: 'portTaken', facts }]);
  });
});

describe('doctor --fix-aliases', () => {
  it('makes the aliases agree with the stages, says what it did, and then has nothing to do', async () => {
    await system.registry.transitionStage(MODEL, '2', 'Staging');
    await system.registry.setAlias(MODEL, 'champion', '2');
    const { problems, findings } = await doctor(system.env);
    expect(problems).toEqual(['Stages and aliases']);
    expect(findings('Stages and aliases')[0]?.remedy).toBe('mediwatch doctor --fix-aliases');

    const fixed = await doctor(system.env, '--fix-aliases');
    expect(fixed.code).toBe(0);
    expect(fixed.fixAliases).toMatchObject({
      code: 'aliasesFixed',
      facts: { changes: expect.arrayContaining([{ kind: 'setAlias', alias: 'champion', version: '1' }]) },
    });
    expect(await system.registry.getAliases(MODEL)).toMatchObject({ champion: '1', previous: '2' });
    expect((await doctor(system.env, '--fix-aliases')).fixAliases).toMatchObject({ code: 'aliasesAgreedAlready' });
  });

  it('changes nothing while a workflow changes Production', async () => {
    await system.registry.setAlias(MODEL, 'champion', '2');
    const request = { token: 't', workflowId: 'promote-1', runId: 'r', purpose: 'promote version 2' };
    const lock = await system.client.workflow.start('modelLock', {
      taskQueue: TASK_QUEUES.orchestration,
      workflowId: workflowIds.lock(MODEL),
      args: [{ registeredModel: MODEL, queue: [request] }],
    });
    const { code, fixAliases } = await doctor(system.env, '--fix-aliases');
    await lock.terminate();
    expect(code).toBe(1);
    expect(fixAliases).toMatchObject({ code: 'aliasesLocked', facts: { holder: 'promote-1' } });
    expect(await system.registry.getAliases(MODEL)).toMatchObject({ champion: '2' });
    await system.registry.setAlias(MODEL, 'champion', '1');
  });

  it('changes nothing when Temporal cannot be asked who changes Production', async () => {
    const { fixAliases } = await doctor({ ...system.env, TEMPORAL_ADDRESS: NOWHERE }, '--fix-aliases');
    expect(fixAliases).toMatchObject({ code: 'aliasesNotFixed', facts: { without: 'temporal' } });
  });
});

describe('doctor, whatever hangs,', () => {
  it('ends in seconds as a process, with exit code 1', async () => {
    const server = await listen();
    const deaf = `127.0.0.1:${portOf(server)}`;
    const env = {
      PATH: process.env.PATH ?? '',
      TEMPORAL_ADDRESS: deaf,
      MLFLOW_TRACKING_URI: `http://${deaf}`,
      MEDIWATCH_DEPLOYMENT_API_URL: `http://${deaf}`,
      MEDIWATCH_DEPLOYMENT_ADMIN_URL: `http://${deaf}`,
      MEDIWATCH_STACK_DIR: system.dir,
    };
    const { exitCode, stdout, durationMs } = await spawnMediwatch(['doctor', '--json'], env);
    server.close();
    expect(exitCode).toBe(1);
    expect(durationMs).toBeLessThan(25_000);
    const { checks } = JSON.parse(stdout) as { checks: Array<{ check: string; severity: string }> };
    const problems = checks.filter(({ severity }) => severity === 'problem').map(({ check }) => check);
    expect(problems).toEqual(['Temporal', 'MLflow', 'Gateway', 'API']);
  });
});

describe('doctor, at last,', () => {
  it('finds that the files of the version in Production are gone', async () => {
    const artifacts = join(system.mlflow.dir, 'artifacts');
    const files = await readdir(artifacts, { recursive: true });
    const models = files.filter((file) => /\/model\.\w+$/.test(file));
    expect(models.length).toBeGreaterThan(0);
    for (const file of models) await rename(join(artifacts, file), join(artifacts, `${file}.away`));
    const { problems, findings } = await doctor(system.env);
    expect(problems).toEqual(['Model files']);
    const facts = { registeredModel: MODEL, version: '1', file: expect.stringMatching(/^model\.\w+$/) };
    expect(findings('Model files')).toMatchObject([{ code: 'modelFileMissing', facts }]);
  });
});

/** Takes connections and never answers. */
async function listen(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('It does not listen.');
  return address.port;
}
