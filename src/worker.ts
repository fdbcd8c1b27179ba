import { inspect } from 'node:util';
import { printable } from './config/printable.ts';
import { ConfigError, loadConfig, startFolder } from './config.ts';
import { openState } from './systems/state.ts';
import { installLogging } from './workers/logging.ts';
import { createWorkers } from './workers/roles.ts';

/** Hosts workflows and activities for the roles that the configuration gives this host, until it is asked to stop. */
async function main(): Promise<void> {
  const config = loadConfig(process.env, startFolder(process.env, process.cwd()));
  openState(config);
  const logger = installLogging(config);
  const workers = await createWorkers(config);
  await workers.run(() => logger.info({ roles: config.worker.roles, slots: config.worker.slots }, 'worker ready'));
}

// `npm start` asks whether this process still answers.
process.on('message', (ping) => process.send?.(ping));

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(printable(error instanceof ConfigError ? error.message : inspect(error)));
    process.exit(1);
  },
);
