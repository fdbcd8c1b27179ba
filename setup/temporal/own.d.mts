type Environment = Readonly<Record<string, string | undefined>>;

/** Whether an address is the one at which the dev server of our stack is going to listen. */
export function isOwnTemporal(address: string, port: number): boolean;
/** The same, as far as the environment tells; no address: our own. */
export function namesOwnTemporal(env: Environment): boolean;
