import { forModel, loadConfig } from '../config.ts';
import { createLogger } from '../systems/logger.ts';
import { openState } from '../systems/state.ts';
import { createGateway, gatewayOptions } from './gateway.ts';

const log = createLogger({ name: 'gateway' });
try {
  const config = loadConfig(process.env, process.cwd());
  openState(config);
  // It serves one model: of several the one that registry.registeredModel names, or the first.
  const own = forModel(config, config.registry.registeredModel);
  const gateway = await createGateway(gatewayOptions(own, log));
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'gateway stopping');
    void gateway.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  const { apiUrl, adminUrl, adminPortUrl } = gateway;
  log.info({ apiUrl, adminUrl, adminPortUrl }, 'gateway ready');
} catch (error) {
  log.fatal((error as Error).message);
  process.exitCode = 1;
}
