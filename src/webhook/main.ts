import { loadConfig } from '../config.ts';
import { createLogger } from '../systems/logger.ts';
import { openWebhook } from './webhook.ts';

const log = createLogger({ name: 'webhook' });
try {
  const webhook = await openWebhook(loadConfig(process.env, process.cwd()), log);
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
