/** Something that set-up cannot get by itself; the message is one sentence that says what it is and how to get it. */
export class SetupProblem extends Error {
  name = 'SetupProblem';
}

const CAUSES = [
  {
    pattern: /ENOSPC|no space left on device/i,
    sentence: 'The disk is full: free about 3 GB and start again; what was set up so far is kept.',
  },
  {
    pattern:
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|name resolution|NewConnectionError|ConnectTimeoutError|Max retries exceeded|dial tcp|network is unreachable/i,
    sentence:
      'The package registry cannot be reached: check the network (and the proxy, if there is one) and start again.',
  },
  {
    pattern: /EACCES|EPERM|EROFS|permission denied|read-only file system/i,
    sentence:
      'A folder cannot be written: see the lines below, give yourself the right to write there, and start again.',
  },
];

/** Makes the problem of a command that failed: a known cause in a sentence, and the lines that tell it. */
export function commandProblem(what, { code, signal, output }) {
  const known = CAUSES.find(({ pattern }) => pattern.test(output));
  const ending = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
  const sentence = known?.sentence ?? `${what} ${ending}; start again after correcting what it says.`;
  return new SetupProblem(`${sentence}${quote(output)}`);
}

/** One text for any error, with the sentence of a known cause. */
export function explain(error) {
  if (error instanceof SetupProblem) return error.message;
  const text = `${error?.code ?? ''} ${error?.stack ?? error}`;
  const known = CAUSES.find(({ pattern }) => pattern.test(text));
  return known ? `${known.sentence}${quote(String(error?.message ?? error))}` : text.trim();
}

/** Error lines when the tool marks them, else the last lines. */
function quote(output) {
  const lines = output.split('\n').filter((line) => line.trim());
  const errors = lines.filter((line) => /\berr(or)?\b[:!]?|no space left/i.test(line));
  const shown = (errors.length > 0 ? errors : lines).slice(-12);
  return shown.map((line) => `\n      ${line.slice(0, 400)}`).join('');
}
