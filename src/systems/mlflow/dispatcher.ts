import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { decoded } from '../../config/secrets.ts';
import { type Authorities, certificatesOf, readPem } from './authorities.ts';

/** The way to a server, as the settings and the network's variables have it. */
export interface Way {
  /** Whose certificates are trusted; absent: those that everybody knows. */
  authorities?: Authorities;
  /** Our own certificate with its key (PEM); empty or absent: none. */
  clientCertFile?: string;
  /** Takes any certificate. */
  insecureTls?: boolean;
  /** Address of a proxy, perhaps with a login. */
  proxy?: string | undefined;
}

/** A connection may take this long (ms), if the call does not end before. */
const CONNECT_MS = 10_000;

/** @throws {MlflowError} when certificates cannot be read */
export function createDispatcher(base: string, way: Way, timeoutMs: number): Dispatcher {
  const timeout = Math.min(timeoutMs, CONNECT_MS);
  const tls = base.startsWith('https:') ? tlsOf(way) : {};
  const url = way.proxy === undefined ? null : URL.parse(way.proxy);
  if (!url) return new Agent({ connect: { timeout, ...tls } });
  const login = url.username && `${decoded(url.username)}:${decoded(url.password)}`;
  [url.username, url.password] = ['', ''];
  return new ProxyAgent({
    uri: url.href,
    ...(login && { token: `Basic ${Buffer.from(login).toString('base64')}` }),
    connectTimeout: timeout,
    requestTls: tls,
    proxyTls: tls,
  });
}

function tlsOf({ authorities, clientCertFile, insecureTls = false }: Way) {
  const own = clientCertFile && readPem(clientCertFile);
  const isNamed = authorities && authorities.files.length > 0;
  return {
    ...(isNamed && !insecureTls && { ca: certificatesOf(authorities) }),
    ...(own && { cert: own, key: own }),
    rejectUnauthorized: !insecureTls,
  };
}
