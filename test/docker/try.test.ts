import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GOOD, removeTried, tryOut } from '../cases/support/tryOut.ts';
import { docker, dockerProblem, ensureDaemon } from '../support/docker.ts';
import { buildFixture } from './support.ts';

const problem = await dockerProblem();
const IMAGE = 'mediwatch-test/try';

describe.skipIf(problem)(
  `mediwatch try with deployment.target docker${problem ? ` (skipped: ${problem})` : ''}`,
  () => {
    beforeAll(async () => {
      await ensureDaemon();
      await buildFixture(IMAGE);
    }, 300_000);
    afterEach(removeTried);
    afterAll(() => docker('rmi', '--force', `${IMAGE}:latest`));

    const everything = async () => ({
      containers: await docker('ps', '--all', '--format', '{{.Names}}', '--filter', 'name=mediwatch-try'),
      images: await docker('images', '--format', '{{.Repository}}:{{.Tag}}', '--filter', 'reference=mediwatch-t*/*'),
    });
    const { contract: _, ...deployment } = GOOD.deployment;
    const settings = {
      ...GOOD,
      deployment: { target: 'docker', example: deployment.example, healthTimeout: 30 },
      docker: { image: IMAGE },
    };

    test('starts the container and asks it, and removes it', async () => {
      const before = await everything();
      const { json, stderr, left } = await tryOut(settings);
      const api = json.tried.find(({ step }) => step === 'api');
      expect(api, stderr).toMatchObject({
        state: 'passed',
        facts: { checks: expect.arrayContaining(['health', 'predict']) },
      });
      expect(await everything()).toEqual(before);
      expect(left).toEqual([]);
    }, 240_000);

    test('says what is wrong with it, and where to look', async () => {
      const before = await everything();
      const { json, exitCode } = await tryOut({ ...settings, docker: { image: IMAGE, env: { FIXTURE: 'exit' } } });
      const api = json.tried.find(({ step }) => step === 'api');
      expect(api).toMatchObject({ state: 'failed', setting: 'deployment' });
      expect(api?.message).toContain('there is no model in here');
      expect(exitCode).toBe(1);
      expect(await everything()).toEqual(before);
    }, 240_000);
  },
);
