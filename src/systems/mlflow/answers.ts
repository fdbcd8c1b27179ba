import { z } from 'zod';
import { parseJson, truncate } from '../../contracts/text.ts';
import { MlflowError } from './errors.ts';

/** What came back, with the call as text (`GET /version on MLflow at http://…`). */
export interface Answer {
  subject: string;
  /** Host and port that were asked, for the host-check hint. */
  host: string;
  status: number;
  contentType: string;
  location: string;
  text: string;
}

const ErrorBody = z.union([
  z.object({ error_code: z.string(), message: z.string().default('') }),
  // Endpoints that MLflow 3 serves through FastAPI.
  z.object({ detail: z.union([z.string(), z.array(z.unknown())]) }).transform(({ detail }) => ({
    error_code: undefined,
    message: typeof detail === 'string' ? detail : JSON.stringify(detail),
  })),
]);

/** The error that an answer with a status other than 2xx stands for. */
export function refusal(answer: Answer): MlflowError {
  const { subject, status } = answer;
  const body = ErrorBody.safeParse(parseJson(answer.text));
  const isHostCheck = status === 403 && answer.text.includes('Invalid Host header');
  const code = isHostCheck ? 'HOST_REFUSED' : body.success ? body.data.error_code : undefined;
  const said = body.success ? body.data.message : isHtml(answer) ? 'a page in HTML' : answer.text.trim();
  const retryable = status >= 500 || status === 429;
  const reason = truncate(said || 'nothing', 2_000).replace(/(?<![.!?])$/, '.');
  const happened = `${subject} answered ${[status, code].filter(Boolean).join(' ')}: ${reason}`;
  return new MlflowError(`${happened}${hint(answer, code)}`, { status, code, retryable });
}

/**
 * Parses an answer that should be MLflow's JSON.
 *
 * @throws {MlflowError} not retryable, when something else answered
 */
export function parseAnswer<Schema extends z.ZodType>(answer: Answer, schema: Schema): z.infer<Schema> {
  const { subject, status } = answer;
  const wrong = (what: string) =>
    new MlflowError(`${subject} answered ${what}; is mlflow.uri right?`, { status, retryable: false });
  const json = parseJson(answer.text);
  if (json === undefined) {
    throw wrong(isHtml(answer) ? 'with HTML' : `with ${answer.contentType || 'something'} that is not JSON`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw wrong(`in a form that MLflow does not use (${issue?.path.join('.')}: ${issue?.message})`);
}

function hint({ status, host, location }: Answer, code: string | undefined): string {
  if (code === 'HOST_REFUSED') {
    return ` Its host check refuses "${host}": start it with --allowed-hosts "${host},…".`;
  }
  if (status >= 300 && status < 400)
    return ` It redirects to ${location || 'another address'}: set mlflow.uri to that.`;
  if (status === 404 && code === undefined) return ' MLflow has no such call; is mlflow.uri right?';
  return '';
}

function isHtml({ contentType, text }: Answer): boolean {
  return contentType.includes('text/html') || /^\s*<(!doctype|html)/i.test(text);
}
