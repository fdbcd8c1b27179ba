import { isOwnTemporal } from '../../setup/temporal/own.mjs';
import { hostOf } from '../config/reach.ts';
import type { Config } from '../config.ts';
import { gatewayPart } from './gateway.ts';
import { mlflowPart } from './mlflow.ts';
import type { Part, PartContext } from './part.ts';
import { temporalPart } from './temporal.ts';
import { webhookPart } from './webhook.ts';
import { workerPart } from './worker.ts';

/** The parts that this configuration needs here: what it points elsewhere for is not started. */
export function partsOf(config: Config, context: PartContext): Part[] {
  const services: Part[] = [];
  if (hasTemporal(config)) services.push(temporalPart(config, context));
  if (hasMlflow(config)) services.push(mlflowPart(config, context));
  if (hasOwnGateway(config)) services.push(gatewayPart(config));
  if (hasWebhook(config)) services.push(webhookPart(config));
  // The worker connects as its first act. MLflow it asks later, in activities that are tried again.
  const after = services.filter(({ name }) => name === 'temporal').map(({ name }) => name);
  return [...services, workerPart(config, after)];
}

/** Whether Temporal is started here, and not pointed at elsewhere. */
export function hasTemporal({ temporal, stack }: Config): boolean {
  return isOwnTemporal(temporal.address, stack.temporalPort);
}

/** Whether MLflow is started here, and not pointed at elsewhere. */
export function hasMlflow({ mlflow, stack }: Config): boolean {
  return isEmbedded(mlflow.uri, '127.0.0.1', stack.mlflowPort);
}

/** Whether this configuration runs the API behind the gateway, as a process of it or in a container. */
export function hasGateway({ deployment }: Config): boolean {
  return deployment.target !== 'none';
}

/** Whether that gateway is started here, and not pointed at elsewhere. */
export function hasOwnGateway(config: Config): boolean {
  const { deployment, stack } = config;
  return hasGateway(config) && isEmbedded(deployment.adminUrl, hostOf(stack.bind), stack.apiAdminPort);
}

/** Whether the webhook for drift alerts is started here, and not pointed at elsewhere. */
export function hasWebhook({ webhook, stack }: Config): boolean {
  return isEmbedded(webhook.url, hostOf(stack.bind), stack.webhookPort);
}

function isEmbedded(url: string, host: string, port: number): boolean {
  return url.replace(/^http:\/\//, '').replace(/\/+$/, '') === `${host}:${port}`;
}
