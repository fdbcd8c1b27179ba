import { BlockList } from 'node:net';
import { isLoopback } from '../config/network.ts';
import type { Config } from '../config.ts';
import type { ExternalSpec } from '../contracts/gateway.ts';
import { API_PORT, containerName } from '../systems/docker/apiContainer.ts';

/** From here on Docker chooses the ports that it publishes; servers are given lower ones. */
const FIRST_PUBLISHED_PORT = 32_768;

/**
 * Which servers of others requests may be sent to: containers of the API, at the addresses that the Docker target gives
 * them (`urlOf`). So nobody reaches MLflow, Temporal or a cloud's metadata through the API's port.
 */
export function upstreamRule({ deployment, docker, mlflow, temporal }: Config): (spec: ExternalSpec) => boolean {
  if (deployment.target !== 'docker') return () => false;
  const bridge = new BlockList();
  for (const subnet of docker.subnets) {
    const [network = '', prefix] = subnet.split('/');
    bridge.addSubnet(network, Number(prefix));
  }
  const services = [mlflow.uri, mlflow.uiUrl, `http://${temporal.address}`, temporal.uiUrl].map(portOf);
  return ({ key, url }) => {
    const { protocol, hostname, port } = new URL(url);
    if (protocol !== 'http:') return false;
    if (isLoopback(hostname)) return Number(port) >= FIRST_PUBLISHED_PORT && !services.includes(port);
    if (port !== String(API_PORT)) return false;
    return docker.network ? hostname === containerName(key).toLowerCase() : bridge.check(hostname);
  };
}

function portOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).port : undefined;
}
