import { liveSettings } from '../config/live.ts';
import { forModel } from '../config.ts';
import { createLogger } from '../systems/logger.ts';
import { announceSettings } from '../systems/settingsInForce.ts';
import { openState } from '../systems/state.ts';
import { createGateway, gatewayOptions } from './gateway.ts';

const log = createLogger({ name: 'gateway' });
try {
  const { config, refresh } = liveSettings(process.env, process.cwd(), {
    taken(waiting) {
      announce({ waiting });
      log.info(
        { digest: config.digest, needRestart: waiting },
        'mediwatch.yaml has changed: the next API is started by it',
      );
    },
    refused({ message }) {
      announce({ refused: message });
      log.error({ reason: message }, 'mediwatch.yaml has changed and cannot be used: the settings of before hold');
    },
  });
  openState(config);
  const announce = announceSettings(config, 'gateway');
  // It serves one model: of several the one that registry.registeredModel names, or the first.
  const own = () => {
    refresh();
    return forModel(config, config.registry.registeredModel);
  };
  const gateway = await createGateway(gatewayOptions(own(), log, own));
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
