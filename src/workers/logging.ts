import { DefaultLogger, type LogLevel, Runtime } from '@temporalio/worker';
import { type Logger, stdTimeFunctions } from 'pino';
import type { Config } from '../config.ts';
import { createLogger } from '../systems/logger.ts';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const satisfies Record<
  LogLevel,
  string
>;

/** Lets the SDK and our own code log JSON lines to stdout, each with the workflow's id where there is one. */
export function installLogging(config: Config): Logger {
  const logger = createLogger({ base: null, timestamp: stdTimeFunctions.isoTime });
  const metricsAddress = config.worker.metricsAddress;
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => logger[LEVELS[level]](meta ?? {}, message)),
    ...(metricsAddress && { telemetryOptions: { metrics: { prometheus: { bindAddress: metricsAddress } } } }),
  });
  return logger;
}
