import { resolve } from 'node:path';
import { isOwnTemporal } from '../../setup/temporal/own.mjs';
import type { Config } from './schema.ts';

/** Which parts `npm start` starts here: those that the configuration does not point elsewhere for. */

export function hasTemporal({ temporal, stack }: Config): boolean {
  return isOwnTemporal(temporal.address, stack.temporalPort);
}

export function hasMlflow({ mlflow, stack }: Config): boolean {
  return isEmbedded(mlflow.uri, '127.0.0.1', stack.mlflowPort);
}

export function hasOwnGateway(config: Config): boolean {
  const { deployment, stack } = config;
  const { apiAdminPort: port } = stack;
  const isOwnPort = port !== undefined && isEmbedded(deployment.adminUrl, hostOf(stack.bind), port);
  return hasGateway(config) && (isOwnPort || deployment.adminUrl === `unix:${adminSocketOf(config)}`);
}

export function hasWebhook({ webhook, stack }: Config): boolean {
  return isEmbedded(webhook.url, hostOf(stack.bind), stack.webhookPort);
}

/** Whether the UI of our own server needs help to read what is encrypted. */
export function hasCodec(config: Config): boolean {
  return hasTemporal(config) && config.temporal.encryptionKeys.length > 0;
}

/** Whether the API runs behind a gateway, here or elsewhere, as a process of it or in a container. */
export function hasGateway({ deployment }: Config): boolean {
  return deployment.target !== 'none';
}

function isEmbedded(url: string, host: string, port: number): boolean {
  return url.replace(/^http:\/\//, '').replace(/\/+$/, '') === `${host}:${port}`;
}

/** The socket of the gateway's admin API, for the user who runs it. */
function adminSocketOf({ root, stack }: Pick<Config, 'root' | 'stack'>): string {
  return resolve(root, stack.dir, 'gateway', 'admin.sock');
}

/** Fills in the addresses of the embedded stack where the settings name no other. */
export function withEmbeddedAddresses(config: Config): Config {
  const { stack } = config;
  const loopback = (port: number) => `http://127.0.0.1:${port}`;
  const bound = (port: number) => `http://${hostOf(stack.bind)}:${port}`;
  config.temporal.address ||= `127.0.0.1:${stack.temporalPort}`;
  config.temporal.uiUrl ||= loopback(stack.temporalUiPort);
  config.mlflow.uri ||= loopback(stack.mlflowPort);
  config.deployment.apiUrl ||= bound(stack.apiPort);
  config.deployment.adminUrl ||= `unix:${adminSocketOf(config)}`;
  config.webhook.url ||= bound(stack.webhookPort);
  return config;
}

/** Addresses that stand for every one of the host. */
const EVERYWHERE = ['0.0.0.0', '::'];

/** The address at which this host reaches what listens on `bind`. */
export function reachable(bind: string): string {
  return EVERYWHERE.includes(bind) ? '127.0.0.1' : bind;
}

/** The same as it stands in a URL. */
export function hostOf(bind: string): string {
  const address = reachable(bind);
  return address.includes(':') ? `[${address}]` : address;
}
