import { describe, expect, test } from 'vitest';
import { isOwnTemporal, namesOwnTemporal } from '../../setup/temporal/own.mjs';
import { hasTemporal, hasWebhook } from '../../src/config/embedded.ts';
import { loadConfig } from '../../src/config.ts';
import { folderWith } from '../config/support.ts';

describe('whether Temporal is our own', () => {
  const NAMED: Array<[what: string, env: Record<string, string>, isOwn: boolean]> = [
    ['no address', {}, true],
    ['an empty one', { TEMPORAL_ADDRESS: '' }, true],
    ['the address of the stack', { TEMPORAL_ADDRESS: '127.0.0.1:7233' }, true],
    ['the name of the host', { MEDIWATCH_TEMPORAL_ADDRESS: 'localhost:7233' }, false],
    ['another port', { TEMPORAL_ADDRESS: '127.0.0.1:7234' }, false],
    ['another host', { TEMPORAL_ADDRESS: 'temporal.example.org:7233' }, false],
    [
      'the port that the stack was given',
      { TEMPORAL_ADDRESS: '127.0.0.1:7234', MEDIWATCH_STACK_TEMPORAL_PORT: '7234' },
      true,
    ],
    ['ours goes first', { MEDIWATCH_TEMPORAL_ADDRESS: '', TEMPORAL_ADDRESS: 'temporal.example.org:7233' }, true],
  ];
  test.each(NAMED)('%s: set-up and stack say the same', (_what, env, isOwn) => {
    expect(namesOwnTemporal(env)).toBe(isOwn);
    expect(hasTemporal(loadConfig(env, folderWith('')))).toBe(isOwn);
  });

  test('by the port of the settings', () => {
    expect(hasTemporal(loadConfig({}, folderWith('stack: {temporalPort: 7300}\n')))).toBe(true);
    expect(isOwnTemporal('127.0.0.1:7233', 7300)).toBe(false);
  });
});

describe('stack.bind', () => {
  const urls = (bind: string) => {
    const { deployment, webhook, temporal, mlflow } = loadConfig({ MEDIWATCH_STACK_BIND: bind }, folderWith(''));
    return [deployment.apiUrl, webhook.url, temporal.address, mlflow.uri];
  };
  const OTHERS = ['127.0.0.1:7233', 'http://127.0.0.1:5000'];

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['192.168.1.5', '192.168.1.5'],
    ['::1', '[::1]'],
  ])('on %s they are reached at %s', (bind, host) => {
    expect(urls(bind)).toEqual([`http://${host}:8000`, `http://${host}:8002`, ...OTHERS]);
    expect(hasWebhook(loadConfig({ MEDIWATCH_STACK_BIND: bind }, folderWith('')))).toBe(true);
  });
});
