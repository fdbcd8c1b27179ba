/** Exit codes of every command: scripts rely on them. */
export const EXIT = { done: 0, failed: 1, usage: 2, notPromoted: 3, unreachable: 4, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What the codes mean, for `--help`. */
export const EXIT_MEANINGS: ReadonlyArray<readonly [ExitCode, string]> = [
  [EXIT.done, 'done'],
  [EXIT.failed, 'the workflow failed, or the doctor found a problem; the message says what was left as it was'],
  [EXIT.usage, 'wrong usage, input or setting; nothing was started'],
  [EXIT.notPromoted, 'the gate did not promote the version, or a person rejected it'],
  [EXIT.unreachable, 'Temporal does not answer (or, for status, logs and history, MLflow)'],
  [EXIT.interrupted, 'Ctrl-C, or the workflow was cancelled'],
];

/**
 * What the command ends with when its output cannot be written, such as on a full disk: whoever reads the code must not
 * take it for drift, which is what 1 says for the gates.
 *
 * @param args what stands behind `mediwatch`
 */
export function codeOfLostOutput(args: readonly string[]): ExitCode {
  const [command, below] = args.filter((arg) => !arg.startsWith('-'));
  return command === 'drift' && (below === 'gate' || below === 'report') ? EXIT.usage : EXIT.failed;
}

/** A reason to end the command: the message is all that the reader sees of it. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
