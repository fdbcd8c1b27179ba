import { existsSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';

/** What variables say of the way to every server; read once, and handed on to every client and child. */
export interface Network {
  /** Proxy for addresses of each scheme; empty: none. */
  proxies: Readonly<Record<'http' | 'https', string>>;
  /** Hosts that are reached without it, as `NO_PROXY` lists them. */
  noProxy: readonly string[];
  /** File (PEM) with the authorities that are trusted in place of the known ones; empty: the known ones. */
  authorities: string;
  /** File with further ones; empty: none. */
  moreAuthorities: string;
}

/** A file that is not there is as good as none to whoever defined these variables: OpenSSL and Node. */
const ifThere = (file: string) => (existsSync(file) ? file : '');

export function readNetwork(env: Readonly<Record<string, string | undefined>>): Network {
  const first = (...names: string[]) => names.map((name) => env[name]).find(Boolean) ?? '';
  // As most programs do: the small letters go first.
  const either = (name: string) => first(name.toLowerCase(), name);
  const proxyOf = (name: string) => {
    const proxy = either(name) || either('ALL_PROXY');
    return proxy === '' || proxy.includes('://') ? proxy : `http://${proxy}`;
  };
  return {
    proxies: { http: proxyOf('HTTP_PROXY'), https: proxyOf('HTTPS_PROXY') },
    noProxy: either('NO_PROXY')
      .split(/[\s,]+/)
      .filter(Boolean),
    authorities: first('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE') || ifThere(first('SSL_CERT_FILE')),
    moreAuthorities: ifThere(first('NODE_EXTRA_CA_CERTS')),
  };
}

/** Whether only this host reaches what listens there. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host);
}

/** The proxy by which an address is reached; undefined: none, as for everything on loopback. */
export function proxyFor(address: string, { proxies, noProxy }: Network): string | undefined {
  const url = URL.parse(address);
  const proxy = proxies[url?.protocol === 'https:' ? 'https' : 'http'];
  if (!url || proxy === '' || isLoopback(url.hostname)) return undefined;
  return noProxy.some((entry) => covers(entry, url)) ? undefined : proxy;
}

/** An entry of `NO_PROXY`: `*`, a name with all below it, an address, a subnet; perhaps with a port. */
function covers(entry: string, { host, hostname }: URL): boolean {
  const name = entry.toLowerCase().replace(/^\*?\./, '');
  if (entry === '*' || name === host || name === hostname || hostname.endsWith(`.${name}`)) return true;
  const [net = '', bits = ''] = entry.split('/');
  if (!isIP(hostname) || !isIP(net) || !/^\d{1,3}$/.test(bits) || Number(bits) > (isIP(net) === 4 ? 32 : 128))
    return false;
  const subnet = new BlockList();
  subnet.addSubnet(net, Number(bits), isIP(net) === 4 ? 'ipv4' : 'ipv6');
  return subnet.check(hostname, isIP(hostname) === 4 ? 'ipv4' : 'ipv6');
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/**
 * The variables by which a child reaches a server in the way that we do, however its libraries read them.
 *
 * @param direct addresses that it is to reach without a proxy
 */
export function proxyVariables({ proxies, noProxy }: Network, direct: readonly string[]): Record<string, string> {
  if (proxies.http === '' && proxies.https === '') return {};
  const hosts = direct.flatMap((address) => URL.parse(address)?.hostname ?? []);
  // Some take a star for one only where nothing stands beside it.
  const none = noProxy.includes('*') ? '*' : [...new Set([...noProxy, ...LOOPBACK, ...hosts])].join(',');
  const values = { HTTP_PROXY: proxies.http, HTTPS_PROXY: proxies.https, NO_PROXY: none };
  const given = Object.entries(values).filter(([, value]) => value !== '');
  return Object.fromEntries([...given, ...given.map(([name, value]) => [name.toLowerCase(), value])]);
}
