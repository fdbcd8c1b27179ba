import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { DriftAlert } from '../contracts/steward.ts';
import { limitClients } from '../systems/clientLimits.ts';
import { createThrottle, type Throttle } from '../systems/throttle.ts';
import { acceptOnce, type Credentials, checkHeaders } from './authentication.ts';
import { Refusal } from './problems.ts';
import { type ReportReader, readBody } from './reading.ts';
import { createReplays } from './replays.ts';

export interface WebhookOptions {
  credentials: Credentials;
  /** Registered models that may be alerted about; the first is meant when a request names none. */
  models: readonly string[];
  /** Largest body that is read (bytes). */
  bodyLimit: number;
  reports: ReportReader;
  /** Tells the steward of a model, and gives its id. */
  raise(registeredModel: string, alert: DriftAlert): Promise<string>;
  log: Logger;
  /** Where accepted requests are kept across restarts; absent: nowhere. */
  replayFile?: string;
  /** How long a sender may take for its headers, and for the whole request (ms). */
  requestTimeoutMs?: number;
  /** Unix time (ms). */
  clock?: () => number;
}

const RETRY_AFTER_SECONDS = 5;
/** Senders are few, and send little. */
const CLIENTS = { connections: 256, connectionsPerClient: 128, graceMs: 10_000, minBytesPerSecond: 16 * 1_024 };
const LONGEST_MODEL_NAME = 500;
const TOO_MANY_WRONG = ['Too many wrong credentials came from this address.', 'Try again in a minute.'] as const;

/** Makes the server that takes drift alerts; it does not listen yet. */
export function createWebhook(options: WebhookOptions): FastifyInstance {
  const { credentials, models, reports, raise, log, clock = Date.now, requestTimeoutMs = 10_000 } = options;
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimit,
    requestTimeout: requestTimeoutMs,
    routerOptions: { maxParamLength: LONGEST_MODEL_NAME },
    // Without the interval Node looks for slow senders twice a minute only.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.min(requestTimeoutMs, 1_000) },
  });
  limitClients(app.server, CLIENTS);
  const replays = createReplays({ clock, file: options.replayFile, log });
  const throttle = createThrottle();
  takeRawJson(app);
  answerRefusals(app, throttle);

  app.get('/health', () => ({ status: 'ok' }));

  const paths = ['/alerts', '/alerts/:model'];
  for (const url of paths) {
    app.post<{ Params: { model?: string } }>(url, {
      // Whoever cannot be right is refused before the body is read.
      onRequest: async (request) => {
        if (!(await throttle.admit(request.ip))) throw new Refusal(429, ...TOO_MANY_WRONG);
        checkHeaders(request.headers, credentials, clock());
      },
      handler: async (request, reply) => {
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const proof = checkHeaders(request.headers, credentials, clock());
        const signed = { method: request.method, path: request.raw.url ?? '', body };
        const { status, answer } = await acceptOnce({ proof, request: signed, credentials, replays }, async () => {
          const model = modelOf(request.params.model, models);
          const reading = await readBody(body.toString('utf8'), {
            registeredModel: model,
            reports,
            // Replayed to a webhook that could not write it down, a signed request still makes the same alert.
            now: new Date(proof.kind === 'signature' ? Number(proof.timestamp) * 1_000 : clock()),
          });
          const { alerts, note, verdict } = reading;
          const keys = alerts.flatMap(({ key }) => key ?? []);
          const about = { ...(note && { note }), ...(verdict && { verdict }) };
          const sender = `${proof.kind === 'token' ? 'webhook.token' : 'webhook.secret'} from ${request.ip}`;
          const steward = await raiseAll(alerts, (alert) => raise(model, { ...alert, sender }));
          log.info(
            { model, keys, verdict: verdict?.verdict },
            alerts.length > 0 ? 'alert accepted' : 'nothing to raise',
          );
          return {
            status: alerts.length > 0 ? 202 : 200,
            answer: { accepted: alerts.length, model, keys, steward, ...about },
          };
        });
        return reply.code(status).send(answer);
      },
    });
  }
  refuseOtherMethods(app, { '/health': ['GET', 'HEAD'], '/alerts': ['POST'], '/alerts/:model': ['POST'] });
  return app;
}

function modelOf(named: string | undefined, models: readonly string[]): string {
  const model = named ?? models[0];
  if (model !== undefined && models.includes(model)) return model;
  throw new Refusal(404, `There is no model "${named}".`, `The models are ${models.join(', ')}.`);
}

/**
 * Raises every alert. Each has its key: when Temporal goes away in between, the sender tries again, and those that
 * had arrived are not counted twice.
 *
 * @throws {Refusal} 503 when Temporal does not take one
 */
async function raiseAll(
  alerts: readonly DriftAlert[],
  raise: (alert: DriftAlert) => Promise<string>,
): Promise<string | null> {
  try {
    const stewards = await Promise.all(alerts.map(raise));
    return stewards[0] ?? null;
  } catch (error) {
    const next = 'Send it again in a few seconds; "mediwatch doctor" shows what is wrong.';
    throw new Refusal(503, 'Temporal did not take the alert.', next, { cause: error });
  }
}

/** The signature is over the bytes as they came, and nothing is parsed before it is checked. */
function takeRawJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/([\w.-]+\+)?json\b/, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
}

/** Every error is answered with what is wrong and what to do next; no body is quoted in a log. */
function answerRefusals(app: FastifyInstance, throttle: Throttle): void {
  app.setNotFoundHandler((request, reply) => {
    const error = `There is no ${request.method} ${request.url.split('?')[0]}.`;
    return reply.code(404).send({ error, next: 'Alerts go to POST /alerts or POST /alerts/<model>.' });
  });
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    const words = error instanceof Refusal ? error : IN_OTHER_WORDS[status];
    const told = {
      error: words?.message ?? error.message,
      next: words?.next ?? 'Nothing was started. Correct the request.',
    };
    if (status >= 500) request.log.error({ err: error }, 'alert could not be taken');
    else
      request.log.warn(
        { status, from: request.ip, ...(!QUOTES.has(status) && { error: told.error }) },
        'alert refused',
      );
    if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
    if (status === 429) reply.header('retry-after', RETRY_AFTER_SECONDS);
    if (status === 401) {
      throttle.wrong(request.ip);
      reply.header('www-authenticate', 'Bearer');
    }
    // What is left of a body that was not read would be taken for the next request.
    if (!request.raw.complete) reply.header('connection', 'close');
    return reply.code(status).send(told);
  });
}

/** Refusals whose words may quote what the body holds: they are for the sender, and not for a log. */
const QUOTES = new Set([400, 422]);

const IN_OTHER_WORDS: Readonly<Record<number, { message: string; next: string }>> = {
  413: {
    message: 'The body is too large.',
    next: 'Nothing was started. Send less, or raise webhook.maxBodyKb in mediwatch.yaml.',
  },
  415: {
    message: 'The body is not said to be JSON.',
    next: 'Nothing was started. Send content-type: application/json.',
  },
};

function refuseOtherMethods(app: FastifyInstance, served: Readonly<Record<string, readonly string[]>>): void {
  for (const [url, methods] of Object.entries(served)) {
    const others = app.supportedMethods.filter((method) => !methods.includes(method));
    app.route({
      method: others,
      url,
      // Before the body is looked at.
      onRequest: (request, reply: FastifyReply, done) => {
        const allow = methods.join(', ');
        void reply.header('allow', allow);
        done(new Refusal(405, `${request.method} is not answered here.`, `It takes ${allow}.`));
      },
      handler: () => undefined,
    });
  }
}
