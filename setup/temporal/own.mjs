/**
 * Whether an address is the one at which the dev server of our stack is going to listen; any other one is somebody
 * else's server.
 *
 * @param {string} address host:port
 * @param {number} port `stack.temporalPort`
 */
export function isOwnTemporal(address, port) {
  return address.replace(/^http:\/\//, '').replace(/\/+$/, '') === `127.0.0.1:${port}`;
}

/** The same, as far as the environment tells; no address: our own. */
export function namesOwnTemporal({ MEDIWATCH_TEMPORAL_ADDRESS, TEMPORAL_ADDRESS, MEDIWATCH_STACK_TEMPORAL_PORT }) {
  // As the settings have it: ours goes first, also when it is empty.
  const address = MEDIWATCH_TEMPORAL_ADDRESS ?? TEMPORAL_ADDRESS;
  return !address || isOwnTemporal(address, Number(MEDIWATCH_STACK_TEMPORAL_PORT ?? USUAL_PORT));
}

/** Default of `stack.temporalPort`. */
const USUAL_PORT = 7233;
