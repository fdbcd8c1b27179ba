import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createDeploymentActivities, exampleRecords } from '../../src/activities/deployment.ts';
import { apiState } from '../../src/cli/servedApi.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import type { Check } from '../../src/contracts/deployment.ts';
import { apiCheck, gatewayCheck } from '../../src/doctor/api.ts';
import type { DoctorContext } from '../../src/doctor/context.ts';
import { predictionLogCheck } from '../../src/doctor/predictionLog.ts';
import { createGateway, type Gateway, gatewayOptions } from '../../src/gateway/gateway.ts';
import { createCandidateClient } from '../../src/systems/deployment/checks.ts';
import { createDeployments, type Deployments } from '../../src/systems/deployment/index.ts';
import { NOT_SHIPPED } from '../../src/systems/logs/index.ts';
import { survey } from '../../src/tryout/survey.ts';
import { severityOf } from '../../src/words/findings.ts';
import { send } from '../gateway/support.ts';
import { until } from '../support/until.ts';

const INPUTS = join(import.meta.dirname, 'inputs');
const MODEL = 'Garage';

interface Case {
  folder: string;
  deployment: object;
  contract: object;
  /** What asking the API proposes. */
  proposal: object;
  /** What a client sends through the gateway. */
  request: { path: string; body: unknown };
  /** Bin of the predicted probabilities, where it has any. */
  bin: number | null;
}

const CASES: Case[] = [
  {
    folder: 'api-nested-version',
    deployment: {
      command: ['python3', 'serve.py', '{port}'],
      env: { MODEL_VERSION: '{version}' },
      example: 'example.json',
    },
    contract: { health: { version: 'model.version' }, predict: { predictions: 'predictions' } },
    proposal: { health: { version: 'model.version' }, predict: { predictions: 'predictions' } },
    request: { path: '/predict', body: { records: [{ hour: 17 }] } },
    bin: null,
  },
  {
    folder: 'api-header',
    deployment: { command: ['python3', 'serve.py', '{port}', '{version}'], example: 'apples.json' },
    contract: {
      health: { path: '/ping', version: 'header:X-Model-Version' },
      predict: { path: '/score', request: 'list.json', probability: '[*].score' },
    },
    proposal: {
      health: { path: '/ping', version: 'header:x-model-version' },
      predict: { path: '/score', probability: '[*].score' },
      request: '{records}',
    },
    request: { path: '/score', body: [{ grams: 100 }] },
    bin: 2,
  },
  {
    folder: 'api-instances',
    deployment: {
      command: ['python3', 'serve.py'],
      env: { BUS_MODEL: '{version}', BUS_RUN: '{runId}' },
      example: 'buses.json',
    },
    contract: {
      health: { path: '/healthz', version: 'build.number', status: 'state' },
      predict: {
        path: '/v1/buses:predict',
        request: { instances: '{records}' },
        predictions: 'outputs.labels',
        probability: 'outputs.probability',
      },
    },
    // Only its code says on which path it predicts.
    proposal: { health: { path: '/healthz', version: 'build.number' } },
    request: { path: '/v1/buses:predict', body: { instances: [{ line: 4 }] } },
    bin: 7,
  },
];

describe.each(CASES)(
  'an API of another contract: $folder',
  ({ folder, deployment, contract, proposal, request, bin }) => {
    let dir: string;
    let config: Config;
    let gateway: Gateway;
    let deployments: Deployments;

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'mediwatch-api-'));
      cpSync(join(INPUTS, folder), dir, { recursive: true });
      writeFileSync(join(dir, 'list.json'), '"{records}"');
      const settings = {
        registry: { registeredModel: MODEL },
        deployment: { ...deployment, contract, healthTimeout: 20 },
      };
      writeFileSync(join(dir, 'mediwatch.yaml'), stringify(settings));
      config = loadConfig({}, dir);
      gateway = await createGateway({ ...gatewayOptions(config, pino({ level: 'silent' })), apiPort: 0 });
      config.deployment.apiUrl = gateway.apiUrl;
      deployments = createDeployments(config);
    });
    afterAll(async () => {
      await deployments?.close();
      await gateway?.close();
      rmSync(dir, { recursive: true, force: true });
    });

    const deploy = async (version: string) => {
      const { target } = deployments.of();
      const mlflow = { getVersion: async () => ({ runId: 'run-7' }) };
      const { bringUpCandidate } = createDeploymentActivities({
        of: () => ({ config, target, mlflow }) as never,
        shipper: NOT_SHIPPED,
      });
      const request = { registeredModel: MODEL, version, key: `version-${version}` };
      const checks = (await new MockActivityEnvironment().run(bringUpCandidate, request)) as Check[];
      await target.shift(request.key, 1);
      return checks.map(({ name }) => name);
    };
    const context = (production: string): DoctorContext =>
      ({
        config,
        signal: AbortSignal.timeout(20_000),
        versions: async () => [{ version: production, stage: 'Production', aliases: [] }],
      }) as never;

    test('is deployed when it serves the version at the place that is declared', async () => {
      expect(await deploy('3')).toEqual(['health', 'warm-up', 'predict']);
    });

    test('is well for status and doctor, which say what they cannot look at', async () => {
      expect(await apiState(config)).toMatchObject({ version: '3', registeredModel: MODEL, problem: null });
      const checks = [gatewayCheck, apiCheck, predictionLogCheck];
      const findings = (await Promise.all(checks.map((check) => check.run(context('3'))))).flat();
      expect(findings.map(({ code }) => code)).toEqual(['gatewayAnswers', 'apiServes', 'schemaNotThere', 'logNotKept']);
      expect(findings.map(severityOf)).not.toContain('problem');
      expect((await apiCheck.run(context('4')))[0]).toMatchObject({ code: 'apiServesOther', facts: { version: '3' } });
    });

    test('is known without a gateway by what is declared of it', async () => {
      const [upstream] = await deployments.of().target.traffic();
      expect(upstream).toBeDefined();
      const { url } = (await send('GET', `${gateway.adminUrl}/status`)).body.active;
      const own: Config = { ...config, deployment: { ...config.deployment, target: 'none', apiUrl: url } };
      expect(await apiState(own)).toMatchObject({ version: '3' });
    });

    test('answers clients, and its probabilities are what a rollout compares', async () => {
      const { status } = await send('POST', gateway.apiUrl + request.path, request.body);
      expect(status).toBe(200);
      const counted = await until(
        async () => {
          const [seen] = await deployments.of().target.traffic();
          return seen && seen.requests > 0 && (bin === null || (seen.probabilities[bin] ?? 0) > 0) ? seen : null;
        },
        { timeoutMs: 5_000, what: 'the request to be counted' },
      );
      expect(counted.probabilities.reduce((sum, count) => sum + count, 0)).toBe(bin === null ? 0 : 1);
    });

    test('is asked once for what its answers look like, and the settings are proposed', async () => {
      const { url } = (await send('GET', `${gateway.adminUrl}/status`)).body.active;
      const client = createCandidateClient(url, '');
      const records = await exampleRecords(config);
      expect(await survey({ client, version: '3', records, contract: undefined })).toEqual(proposal);
      await client.close();
    });

    test('is refused when another version serves, and when nothing says where its version stands', async () => {
      const other = { ...config.deployment, env: { MODEL_VERSION: '9', BUS_MODEL: '9', BUS_RUN: '' } };
      if (folder !== 'api-header') {
        Object.assign(config, { deployment: other });
        await expect(deploy('4')).rejects.toThrow(/serves version 9 .* version 4/);
      }
      const { contract: _, ...undeclared } = config.deployment;
      Object.assign(config, {
        deployment: { ...undeclared, env: deployment && 'env' in deployment ? deployment.env : {} },
      });
      const refusal = await deploy('5').catch((error: Error) => error.message);
      expect(refusal).toContain(
        folder === 'api-nested-version' ? 'deployment.contract.health.version' : 'deployment.contract.health.path',
      );
      expect(
        (
          await apiState({
            ...config,
            deployment: { ...config.deployment, contract: loadConfig({}, dir).deployment.contract },
          })
        ).version,
      ).toBe('3');
    });
  },
);

test.each([
  [{ quotes: [{ eur: 1.2 }] }, 'quotes[*].eur'],
  [{ quotes: [{ eur: 1.2, result: 'dear' }] }, 'quotes[*].result'],
  [{ quotes: [{ eur: 1.2, usd: 1.3 }] }, 'quotes'],
  [{ predictions: [[0.2, 0.8]] }, 'predictions'],
])('the predictions of %j are at %s', async (body, predictions) => {
  const ask = async (path: string) => (path === '/predict' ? { status: 200, body } : { status: 404, body: {} });
  const client = { ask, close: async () => {} };
  const asked = await survey({ client, version: '3', records: [{ weight: 1 }], contract: undefined });
  expect(asked.predict?.predictions).toBe(predictions);
});
