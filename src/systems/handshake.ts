import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { TLSConfig } from '@temporalio/client';

/** What is waited for is the answer to a handshake, on a server that did not answer otherwise (ms). */
const LIMIT_MS = 2_000;

/**
 * Why a server takes no connection, as far as a handshake of our own shows: gRPC's clients say that time ran out.
 *
 * @param address host:port
 * @param tls how the client connects; undefined: without TLS
 * @returns undefined when the handshake shows nothing wrong
 */
export async function handshakeProblem(address: string, tls: TLSConfig | undefined): Promise<string | undefined> {
  const { hostname, port } = new URL(`https://${address}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  const name = tls?.serverNameOverride ?? host;
  const pem = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({
    ...{ host, port: Number(port || 443), timeout: LIMIT_MS, ALPNProtocols: ['h2'] },
    ...(isIP(name) === 0 && { servername: name }),
    ...(tls
      ? { ca: pem(tls.serverRootCACertificate), cert: pem(tls.clientCertPair?.crt), key: pem(tls.clientCertPair?.key) }
      : { rejectUnauthorized: false }),
  });
  let isSecure = false;
  socket
    .on('secureConnect', () => {
      isSecure = true;
      if (!tls) resolve('it speaks TLS, which is off: see temporal.tls');
    })
    // Its settings: it takes the connection, and with it the client's certificate.
    .on('data', () => resolve(undefined))
    .on('timeout', () => resolve(undefined))
    .on('error', ({ code = '', message }: NodeJS.ErrnoException) => resolve(tls && problemOf(code, message, isSecure)))
    .on('close', () => resolve(tls && isSecure ? CLIENT : undefined));
  const problem = await promise;
  socket.destroy();
  return problem;
}

const CLIENT = 'it does not accept the client certificate: see TEMPORAL_TLS_CLIENT_CERT_PATH';

function problemOf(code: string, message: string, isSecure: boolean): string | undefined {
  if (isSecure || code.includes('ALERT')) return CLIENT;
  if (/WRONG_VERSION|EPROTO/.test(code)) return 'it does not speak TLS: see temporal.tls';
  // What the operating system says of a connection, the caller knows.
  if (/^E[A-Z]+$/.test(code)) return undefined;
  return `its certificate is not trusted, ${message}: see TEMPORAL_TLS_SERVER_CA_CERT_PATH`;
}
