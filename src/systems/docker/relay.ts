import { connect, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { DockerError } from './errors.ts';

/** A port of the Docker bridge behind which a server of this host's loopback answers. */
export interface Relay {
  close(): Promise<void>;
}

interface Endpoint {
  host: string;
  port: number;
}

/**
 * Lets containers reach a server that listens on loopback only: connections to the bridge's address, which exists on
 * this host alone, are passed on. A server that listens on all addresses is reached without, and another worker of
 * this host may relay already; then there is nothing to do.
 *
 * @throws {DockerError} InvalidConfig, when the address cannot be listened on
 */
export async function openRelay(from: Endpoint, to: Endpoint): Promise<Relay | null> {
  const server = createServer((inbound) => {
    const outbound = connect(to);
    // Either side may break off at any time; the other one sees that its connection ends.
    const ended = () => {
      inbound.destroy();
      outbound.destroy();
    };
    pipeline(inbound, outbound).catch(ended);
    pipeline(outbound, inbound).catch(ended);
    open.add(inbound).add(outbound);
    for (const socket of [inbound, outbound]) socket.on('close', () => open.delete(socket));
  });
  const open = new Set<{ destroy(): void }>();
  try {
    await listen(server, from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    const message = `MLflow cannot be relayed to containers from ${from.host}:${from.port}: ${(error as Error).message}. Set docker.mlflowUri.`;
    throw new DockerError('InvalidConfig', message, error);
  }
  // It must not keep a worker alive that has nothing else to do.
  server.unref();
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function listen(server: Server, { host, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
