import { Client, Connection } from '@temporalio/client';
import { Schedules } from '../../../src/contracts/schedules.ts';
import { type ReconcileOptions, reconcile } from '../../../src/systems/schedules/reconcile.ts';
import { startTemporal } from '../../support/temporal.ts';

export interface ScheduleBench {
  address: string;
  client: Client;
  /** Applies declarations, as mediwatch.yaml would hold them; gives each schedule's outcome. */
  apply(declared: object, options?: ReconcileOptions): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/** A real server without schedules. */
export async function startScheduleBench(): Promise<ScheduleBench> {
  const server = await startTemporal();
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  return {
    address: server.address,
    client,
    async apply(declared, options) {
      const changes = await reconcile(client, Schedules.parse(declared), options);
      return Object.fromEntries(changes.map(({ name, outcome }) => [name, outcome]));
    },
    async close() {
      await connection.close();
      await server.stop();
    },
  };
}
