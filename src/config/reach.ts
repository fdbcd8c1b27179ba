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
