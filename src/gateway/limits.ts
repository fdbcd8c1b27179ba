import type { ClientLimits } from '../systems/clientLimits.ts';

const MIB = 2 ** 20;

/** What a client of the API's port has to keep to (ms). */
export const TIMES = {
  headersMs: 10_000,
  /** Headers and body. */
  requestMs: 120_000,
};

export const CLIENTS: ClientLimits = {
  connections: 2_048,
  connectionsPerClient: 1_024,
  graceMs: 10_000,
  minBytesPerSecond: 16 * 1_024,
};

/** Largest body of a request (bytes). */
export const BODY_LIMIT_BYTES = 32 * MIB;
/** Bodies above this are counted (bytes): there is always room for a usual one. */
export const SMALL_BODY_BYTES = 64 * 1_024;
/** Larger bodies that are held at once (bytes). */
export const BODIES: Share = { total: 512 * MIB, perClient: 128 * MIB };
/** What is taken from an upstream before its client reads it (bytes), so that slow readers do not keep it waiting. */
export const ANSWER_BYTES = 256 * 1_024;

/** Connections to an upstream. */
export const CONNECTIONS = 256;
/** Requests that are at upstreams at once; the rest of the connections is the reserve for health checks. */
export const REQUESTS: Share = { total: 240, perClient: 160 };
export const HEALTH_CHECKS: Share = { total: CONNECTIONS - REQUESTS.total, perClient: 8 };

/** Of something that there is no more of. */
interface Share {
  total: number;
  perClient: number;
}

/** Counts what each client has of it. */
export function createShares({ total, perClient }: Share) {
  const taken = new Map<string, number>();
  let all = 0;
  return {
    /** @returns whether there was so much left for this client */
    take(client: string, amount = 1): boolean {
      const own = (taken.get(client) ?? 0) + amount;
      if (all + amount > total || own > perClient) return false;
      all += amount;
      taken.set(client, own);
      return true;
    },
    give(client: string, amount = 1): void {
      const own = (taken.get(client) ?? 0) - amount;
      all -= amount;
      if (own > 0) taken.set(client, own);
      else taken.delete(client);
    },
  };
}

/** Lets requests wait until there is room: in order of arrival, but past those of clients that have their share. */
export function createTurns(share: Share) {
  const shares = createShares(share);
  const waiting: Array<{ client: string; go(): void }> = [];
  return {
    /** @returns what ends the turn; calling it twice is harmless */
    async turn(client: string): Promise<() => void> {
      if (!shares.take(client)) await new Promise<void>((go) => waiting.push({ client, go }));
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        shares.give(client);
        const next = waiting.findIndex((other) => shares.take(other.client));
        if (next >= 0) waiting.splice(next, 1)[0]?.go();
      };
    },
  };
}
