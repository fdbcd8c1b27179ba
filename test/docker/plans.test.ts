import { expect, test } from 'vitest';
import { parseBuilder, planBuild } from '../../src/systems/docker/build.ts';
import { digestIn, registryOf } from '../../src/systems/docker/cli.ts';
import { planReach } from '../../src/systems/docker/reach.ts';
import { hideSecrets } from '../../src/systems/docker/secretFile.ts';

const NATIVE = { operatingSystem: 'Debian GNU/Linux 12 (bookworm)', rootless: false, platform: 'linux/amd64' };
const FACTS = {
  network: '',
  containerMlflowUri: '',
  mlflowUri: 'http://127.0.0.1:5000',
  needsMlflow: true,
  platform: 'linux' as const,
  info: NATIVE,
  bridge: '172.17.0.1',
};

test('on Linux a container is reached by its address, and MLflow on loopback is relayed from the bridge', () => {
  expect(planReach(FACTS)).toEqual({ by: 'address', mlflowUri: 'http://172.17.0.1:5000', relayFrom: '172.17.0.1' });
});

test('an MLflow that is not on loopback, or that was named for containers, is left as it is', () => {
  const uri = 'https://mlflow.example.org/ml';
  expect(planReach({ ...FACTS, mlflowUri: uri })).toMatchObject({ mlflowUri: uri, relayFrom: null });
  const named = planReach({ ...FACTS, containerMlflowUri: 'http://mlflow:5000' });
  expect(named).toMatchObject({ mlflowUri: 'http://mlflow:5000', relayFrom: null });
});

test('Docker Desktop publishes a port and reaches this host under its own name', () => {
  const info = { ...NATIVE, operatingSystem: 'Docker Desktop' };
  expect(planReach({ ...FACTS, platform: 'darwin', info })).toEqual({
    by: 'port',
    mlflowUri: 'http://host.docker.internal:5000',
    relayFrom: null,
  });
});

test('where a container cannot reach MLflow on loopback, it is said what to set', () => {
  for (const facts of [{ network: 'mediwatch' }, { info: { ...NATIVE, rootless: true } }]) {
    expect(() => planReach({ ...FACTS, ...facts })).toThrow(/set docker\.mlflowUri/);
  }
  expect(planReach({ ...FACTS, network: 'mediwatch', needsMlflow: false }).by).toBe('name');
});

const BOTH = ['linux/amd64', 'linux/arm64'];
const INSPECTED = `Name:          many
Driver:        docker-container

Nodes:
Name:      many0
Status:    running
Platforms: linux/amd64*, linux/amd64/v2, linux/arm64, linux/386
`;

test('several platforms are built where the builder can, and pushed', () => {
  const builder = parseBuilder(INSPECTED);
  expect(builder).toMatchObject({ kind: 'buildx', driver: 'docker-container' });
  expect(planBuild(builder, BOTH, true)).toEqual({ kind: 'buildx', platforms: BOTH, note: '' });
});

test('one platform is built where it cannot, and it is said why', () => {
  const classic = { kind: 'classic', driver: 'docker', platforms: [] } as const;
  const simple = parseBuilder('Driver: docker\nPlatforms: linux/amd64');
  const plan = (builder: Parameters<typeof planBuild>[0], push = true) => planBuild(builder, BOTH, push);
  expect(plan({ ...classic, platforms: [] }).note).toMatch(/buildx plug-in of Docker is not installed/);
  expect(plan(simple).note).toMatch(/uses the driver "docker"/);
  expect(plan({ ...parseBuilder(INSPECTED), platforms: ['linux/amd64'] }).note).toMatch(/cannot build linux\/arm64/);
  expect(plan(parseBuilder(INSPECTED), false).note).toMatch(/docker\.push is false/);
  expect(planBuild({ ...classic, platforms: [] }, ['linux/amd64'], true).note).toBe('');
});

test.for([
  ['ghcr.io/owner/name', 'ghcr.io'],
  ['127.0.0.1:5000/name', '127.0.0.1:5000'],
  ['localhost/name', 'localhost'],
  ['owner/name', 'docker.io'],
  ['name', 'docker.io'],
])('the registry of %s is %s', ([image, registry]) => {
  expect(registryOf(image as string)).toBe(registry);
});

test('of the digests of an image, the one of its repository is taken', () => {
  const digests = ['other/name@sha256:1', 'owner/name@sha256:2'];
  expect(digestIn('owner/name', digests)).toBe('owner/name@sha256:2');
  expect(digestIn('docker.io/owner/name', digests)).toBe('owner/name@sha256:2');
  expect(digestIn('absent', digests)).toBeUndefined();
});

test('what is secret in the environment of a container goes into a file, where its image reads one', () => {
  const variables = {
    MLFLOW_TRACKING_USERNAME: 'trainer',
    MLFLOW_TRACKING_PASSWORD: 'p',
    HTTPS_PROXY: 'http://u:p@proxy:3128',
    NO_PROXY: 'localhost',
    API_CHECK_SECRET: 's',
  };
  expect(hideSecrets(variables, undefined)).toEqual({ variables, secrets: null });
  const { variables: shown, secrets } = hideSecrets(variables, '/run/secrets/m.json');
  expect(shown).toEqual({
    MLFLOW_TRACKING_USERNAME: 'trainer',
    NO_PROXY: 'localhost',
    MEDIWATCH_SECRETS_FILE: '/run/secrets/m.json',
  });
  const { MLFLOW_TRACKING_USERNAME: _, NO_PROXY: __, ...hidden } = variables;
  expect(JSON.parse(secrets?.content ?? '')).toEqual(hidden);
});
