import { isOwnTemporal } from '../../setup/temporal/own.mjs';
import type { Config } from '../config.ts';
import { hostOf } from './reach.ts';

/** Which parts `npm start` starts here: those that the configuration does not point elsewhere for. */

export function hasTemporal({ temporal, stack }: Config): boolean {
  return isOwnTemporal(temporal.address, stack.temporalPort);
}

export function hasMlflow({ mlflow, stack }: Config): boolean {
  return isEmbedded(mlflow.uri, '127.0.0.1', stack.mlflowPort);
}

export function hasOwnGateway(config: Config): boolean {
  const { deployment, stack } = config;
  return hasGateway(config) && isEmbedded(deployment.adminUrl, hostOf(stack.bind), stack.apiAdminPort);
}

export function hasWebhook({ webhook, stack }: Config): boolean {
  return isEmbedded(webhook.url, hostOf(stack.bind), stack.webhookPort);
}

/** Whether the API runs behind a gateway, here or elsewhere, as a process of it or in a container. */
export function hasGateway({ deployment }: Config): boolean {
  return deployment.target !== 'none';
}

function isEmbedded(url: string, host: string, port: number): boolean {
  return url.replace(/^http:\/\//, '').replace(/\/+$/, '') === `${host}:${port}`;
}
