import { loadConfig } from '../config.ts';
import { codecOf, codecToken } from '../systems/encryption.ts';
import { createLogger } from '../systems/logger.ts';
import { createCodecServer } from './server.ts';

const log = createLogger({ name: 'codec' });
try {
  const config = loadConfig(process.env, process.cwd());
  const { origin, port, hostname } = new URL(config.temporal.uiUrl);
  const names = ['127.0.0.1', 'localhost'];
  const app = createCodecServer({
    codec: codecOf(config),
    token: codecToken(config),
    // People call their own host by either name.
    origins: [origin, ...(names.includes(hostname) ? names.map((name) => `http://${name}:${port}`) : [])],
    hosts: names.map((name) => `${name}:${config.stack.codecPort}`),
  });
  const stop = () => void app.close().then(() => process.exit(0));
  process.once('SIGTERM', stop).once('SIGINT', stop);
  const url = await app.listen({ host: '127.0.0.1', port: config.stack.codecPort });
  log.info({ url }, 'codec server ready');
} catch (error) {
  log.fatal((error as Error).message);
  process.exitCode = 1;
}
