import { isLoopback } from '../config/network.ts';
import { isGuessable } from '../config/redaction.ts';
import { settingTexts } from '../config/secrets.ts';
import type { Config } from '../config.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { Check } from './run.ts';

/** What is held back for longer than this may be sent by somebody else (seconds). */
const LONG_TOLERANCE = 900;

/** Settings that work, and that make it easy to do harm. */
export const weakCheck: Check = {
  name: 'Security',
  run: async ({ config }) => [...weakSecrets(config), ...openAddresses(config)],
};

/**
 * The secrets of the settings; of several models, those that they share. The address of a webhook is one that there is
 * no other place for.
 */
export function secretsOf({ models: _, secrets: __, notifications: ___, ...settings }: Config) {
  return [...settingTexts(settings)].flatMap(({ path, secret }) => (secret ? [{ path, secret }] : []));
}

function weakSecrets(config: Config): Finding[] {
  const { tolerance } = config.webhook;
  return [
    ...secretsOf(config)
      .filter(({ secret }) => isGuessable(secret))
      .map(({ path, secret }) => finding('secretGuessable', { characters: secret.length }, path)),
    ...(tolerance > LONG_TOLERANCE ? [finding('toleranceLong', { seconds: tolerance }, ['webhook', 'tolerance'])] : []),
  ];
}

function openAddresses({ stack, temporal, mlflow, deployment }: Config): Finding[] {
  const clear = (url: string) => url.startsWith('http:') && !isLoopback(URL.parse(url)?.hostname ?? '');
  const isSecured = temporal.tls || temporal.apiKey !== '' || temporal.profile !== '';
  const plain = (key: 'uri' | 'adminUrl', section: string, url: string) =>
    clear(url) ? [finding('tokenInClear', { url }, [section, key])] : [];
  return [
    ...(isLoopback(stack.bind) ? [] : [finding('boundBeyondLoopback', { bind: stack.bind }, ['stack', 'bind'])]),
    ...(isSecured || isLoopback(temporal.address.replace(/:\d+$/, ''))
      ? []
      : [finding('temporalInClear', { address: temporal.address }, ['temporal', 'address'])]),
    ...(mlflow.insecureTls ? [finding('certificateUnchecked', { url: mlflow.uri }, ['mlflow', 'insecureTls'])] : []),
    ...(mlflow.token || mlflow.password ? plain('uri', 'mlflow', mlflow.uri) : []),
    ...(deployment.target === 'none' ? [] : plain('adminUrl', 'deployment', deployment.adminUrl)),
  ];
}
