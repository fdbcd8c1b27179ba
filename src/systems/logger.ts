import { write, writeSync } from 'node:fs';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { redact, redactTexts } from '../config/redaction.ts';

/** Lines that wait for a log that takes none; more are lost. */
const MAX_WAITING = 1_000;

/**
 * A logger of JSON lines to stdout that never holds up its process: what a full disk, or a pipe that nobody reads,
 * cannot take is lost. pino's own destination keeps such lines and, when the process ends or logs a fatal error, tries
 * to write them forever with the event loop blocked. No line holds a secret that the process knows.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  return pino(options, lossyOutput(process.stdout.fd));
}

function lossyOutput(fd: number): DestinationStream {
  const waiting: string[] = [];
  const writeFirst = () => {
    const [line] = waiting;
    if (line === undefined) return;
    // One that fails is lost; the next one may find space.
    write(fd, line, () => {
      waiting.shift();
      writeFirst();
    });
  };
  process.once('exit', () => {
    try {
      writeSync(fd, waiting.slice(1).join(''));
    } catch {
      // Lost as well.
    }
  });
  return {
    write(line) {
      if (waiting.length < MAX_WAITING && waiting.push(withoutSecrets(line)) === 1) writeFirst();
    },
  };
}

/** A line of JSON stays one: what is hidden in it is hidden in its texts. */
function withoutSecrets(line: string): string {
  return redact(line) === line ? line : `${JSON.stringify(redactTexts(JSON.parse(line)))}\n`;
}
