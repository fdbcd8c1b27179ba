import { pino } from 'pino';
import { loadConfig } from '../config.ts';
import { createGateway, gatewayOptions } from './gateway.ts';

const log = pino({ name: 'gateway' });
try {
  const gateway = await createGateway(gatewayOptions(loadConfig(process.env, process.cwd()), log));
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'gateway stopping');
    void gateway.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  log.info({ apiUrl: gateway.apiUrl, adminUrl: gateway.adminUrl }, 'gateway ready');
} catch (error) {
  log.fatal((error as Error).message);
  process.exitCode = 1;
}
