import { MlflowError } from './errors.ts';

/** The server may come back: it is starting, restarting, overloaded or cut off. */
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
]);
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const NOT_HTTP = /^HPE_|^HTTPParserError$|^ERR_SSL_WRONG_VERSION_NUMBER$|^ERR_SSL_PACKET_LENGTH_TOO_LONG$/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_TLS_|^ERR_SSL_|^UND_ERR_PRX_TLS$/;
/** What undici says of a proxy that does not let a call through has its status only in the text. */
const BY_PROXY = /^UND_ERR_(ABORTED|INVALID_ARG)$/;

/**
 * Tells what the network did to a call.
 *
 * @param subject the call as text, such as `GET /version on MLflow at http://…`
 * @returns undefined when the error is not the network's
 */
export function networkError(subject: string, error: unknown): MlflowError | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const detail = `${code}: ${(error as Error).message || 'no further detail'}`;
  if (code === 'ECONNREFUSED') {
    return new MlflowError(`${subject}: nothing listens there (${code}).`, { code, retryable: true, cause: error });
  }
  const status = BY_PROXY.test(code) ? Number(/\((\d{3})\)/.exec((error as Error).message)?.[1]) : Number.NaN;
  if (status) {
    const message = `${subject}: the proxy answered ${status}.`;
    return new MlflowError(message, { code: 'PROXY', status, retryable: status >= 500, cause: error });
  }
  if (TIMEOUTS.has(code)) {
    return new MlflowError(`${subject}: no answer in time (${detail}).`, {
      code: 'TIMEOUT',
      retryable: true,
      cause: error,
    });
  }
  if (PASSING.has(code)) {
    return new MlflowError(`${subject}: the connection failed (${detail}).`, { code, retryable: true, cause: error });
  }
  if (NOT_HTTP.test(code)) {
    const message = `${subject}: what answers there does not speak this protocol (${detail}); is mlflow.uri right?`;
    return new MlflowError(message, { code, retryable: false, cause: error });
  }
  if (CERTIFICATE.test(code)) {
    const message = `${subject}: no secure connection, as its certificate or ours is not trusted (${detail}).`;
    return new MlflowError(message, { code: 'UNTRUSTED', retryable: false, cause: error });
  }
  return undefined;
}

function codeOf(error: unknown): string | undefined {
  const { code, name } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (typeof code === 'string') return code;
  // undici gives this one a code only for some of its causes.
  return name === 'HTTPParserError' ? name : undefined;
}
