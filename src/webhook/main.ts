import { loadConfig } from '../config.ts';
import { createLogger } from '../systems/logger.ts';
import { openState } from '../systems/state.ts';
import { openWebhook } from './webhook.ts';

const log = createLogger({ name: 'webhook' });
try {
  const config = loadConfig(process.env, process.cwd());
  openState(config);
  const webhook = await openWebhook(config, log);
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'webhook stopping');
    void webhook.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  log.info({ url: webhook.url }, 'webhook ready');
} catch (error) {
  log.fatal((error as Error).message);
  process.exitCode = 1;
}
