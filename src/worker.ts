import { inspect } from 'node:util';
import { liveSettings } from './config/live.ts';
import { printable } from './config/printable.ts';
import { ConfigError, startFolder } from './config.ts';
import { announceSettings } from './systems/settingsInForce.ts';
import { openState } from './systems/state.ts';
import { installLogging } from './workers/logging.ts';
import { createWorkers, type Workers } from './workers/roles.ts';

/** Hosts workflows and activities for the roles that the configuration gives this host, until it is asked to stop. */
async function main(): Promise<void> {
  const settings = liveSettings(process.env, startFolder(process.env, process.cwd()), {
    taken(waiting) {
      announce({ waiting });
      logger.info({ digest: config.digest, needRestart: waiting }, 'mediwatch.yaml has changed and is in force');
      workers?.settingsChanged();
    },
    refused({ message }) {
      announce({ refused: message });
      logger.error({ reason: message }, 'mediwatch.yaml has changed and cannot be used: the settings of before hold');
    },
  });
  const { config } = settings;
  openState(config);
  const announce = announceSettings(config, 'worker');
  const logger = installLogging(config);
  let workers: Workers | undefined;
  workers = await createWorkers(config, settings.refresh);
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
