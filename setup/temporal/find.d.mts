/** Finds the Temporal program: on the PATH, then where set-up keeps it. */
export function findTemporal(env: Readonly<Record<string, string | undefined>>): Promise<string | undefined>;
