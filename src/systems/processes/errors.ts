import { truncate } from '../../contracts/text.ts';

/** How a process ended: one of the two is set. */
export interface Exit {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

const NOT_USABLE = {
  noProgram: 'The program was not found',
  notExecutable: 'The program may not be executed',
  noFolder: 'The working folder does not exist',
  notAFolder: 'The working folder is a file',
};

/** The program or the working folder does not exist or cannot be used; nothing was started. */
export class CommandNotFound extends Error {
  override name = 'CommandNotFound';
  readonly code: keyof typeof NOT_USABLE;
  readonly path: string;

  constructor(code: keyof typeof NOT_USABLE, path: string) {
    super(`${NOT_USABLE[code]}: ${path}. Nothing was started.`);
    this.code = code;
    this.path = path;
  }
}

/** A process ended although it should not have, or not so. */
class Ended extends Error {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines of its stderr, or of its stdout when that has the exception or all that was written; about 2,000 characters. */
  readonly tail: string;

  constructor(happened: string, { exitCode, signal }: Exit, tail: string, more = '') {
    // The output comes last: a message that is cut keeps its end, where an exception stands.
    const output = tail.trim() ? `Its last output:\n${tail.trimEnd()}` : 'It wrote nothing.';
    super(`${happened}. ${more}${output}`);
    this.exitCode = exitCode;
    this.signal = signal;
    this.tail = tail;
  }
}

/** A command ended by itself with another exit code than 0, or by a signal from outside. */
export class CommandFailed extends Ended {
  override name = 'CommandFailed';
  readonly logFile: string;

  constructor(command: readonly string[], exit: Exit, tail: string, logFile: string) {
    super(`${commandLine(command)} ${howItEnded(exit)}`, exit, tail, `Its log: ${logFile}\n`);
    this.logFile = logFile;
  }
}

/** A command or a task ran longer than it may; it was killed, and nothing of it runs any more. */
export class CommandTimedOut extends Error {
  override name = 'CommandTimedOut';
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super(`${what} was killed because it ran longer than ${timeoutMs / 1000} s.`);
    this.timeoutMs = timeoutMs;
  }
}

/** A command or a task used more memory than it may; it was killed, and nothing of it runs any more. */
export class CommandOutOfMemory extends Error {
  override name = 'CommandOutOfMemory';
  readonly memoryLimitMb: number;
  readonly usedMb: number;

  constructor(what: string, usedMb: number, memoryLimitMb: number) {
    super(`${what} was killed because it used ${Math.ceil(usedMb)} MiB of memory; the limit is ${memoryLimitMb} MiB.`);
    this.memoryLimitMb = memoryLimitMb;
    this.usedMb = usedMb;
  }
}

/** A command or a task was stopped on request (`cause` is the signal's reason); nothing of it runs any more. */
export class CommandAborted extends Error {
  override name = 'CommandAborted';

  constructor(what: string, cause: unknown) {
    super(`${what} was stopped on request.`, { cause });
  }
}

/** A step answered with an error of its own; its warm process lives on. */
export class StepError extends Error {
  override name = 'StepError';
  readonly type: string;
  readonly retryable: boolean;
  /** The field of the input that is wrong, if it is one. */
  readonly field: string | null;

  constructor(answer: { type: string; message: string; retryable: boolean; field: string | null }) {
    super(answer.message);
    this.type = answer.type;
    this.retryable = answer.retryable;
    this.field = answer.field;
  }
}

/** A warm process ended in the middle of a task; the pool has replaced it. */
export class ProcessDied extends Ended {
  override name = 'ProcessDied';

  constructor(what: string, exit: Exit, tail: string, happened = howItEnded(exit)) {
    super(`${what} ${happened}`, exit, tail);
  }
}

/** A warm process wrote something to stdout that is not an answer; it was killed, and the pool has replaced it. */
export class ProtocolBroken extends ProcessDied {
  override name = 'ProtocolBroken';

  constructor(what: string, line: string, tail: string) {
    const happened = `was killed because it wrote a line to stdout that is not part of the protocol: ${truncate(line, 200)}`;
    super(what, { exitCode: null, signal: null }, tail, happened);
  }
}

/** The warm processes of a pool end before they are ready, again and again; the task was never started. */
export class ProcessDidNotStart extends Error {
  override name = 'ProcessDidNotStart';
  readonly attempts: number;
  /** The last lines of the newest attempt's stderr, about 2,000 characters. */
  readonly tail: string;

  constructor(command: readonly string[], attempts: number, cause: Error) {
    super(`${commandLine(command)} did not start in ${attempts} attempts. The last one: ${cause.message}`, { cause });
    this.attempts = attempts;
    this.tail = cause instanceof ProcessDied ? cause.tail : '';
  }
}

/** A command as a person would type it, cut to one readable line. */
export function commandLine(command: readonly string[]): string {
  return truncate(command.join(' '), 200);
}

function howItEnded({ exitCode, signal }: Exit): string {
  return signal ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
}
