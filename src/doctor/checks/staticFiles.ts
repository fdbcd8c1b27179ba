import type { Check } from '../check.ts';
import { type Finding, ok, problem, skipped } from '../finding.ts';
import { ask, baseOf, NoAnswer } from '../lib/http.ts';
import { counted } from '../lib/words.ts';

/** The API's static paths answer. */
export const staticFilesCheck: Check = {
  name: 'Static files',
  async run({ config, signal }) {
    const { target, apiUrl, staticPaths } = config.deployment;
    if (target === 'none' || staticPaths.length === 0) return [];
    const findings = await Promise.all(
      staticPaths.map((path) => examinePath(`${baseOf(apiUrl)}/${path.replace(/^\/+/, '')}`, signal)),
    );
    const wrong = findings.filter(({ level }) => level !== 'ok');
    return wrong.length > 0 ? wrong : [ok(`${counted(staticPaths.length, 'path')} of deployment.staticPaths: 200`)];
  },
};

async function examinePath(url: string, signal: AbortSignal): Promise<Finding> {
  try {
    const { status } = await ask(url, { signal });
    return judgeStatic(url, status);
  } catch (error) {
    if (error instanceof NoAnswer) return skipped(`not checked: the API does not answer at ${url}`);
    throw error;
  }
}

/** What the status of a static path means. */
export function judgeStatic(url: string, status: number): Finding {
  if (status === 200) return ok(`${url}: 200`);
  if (status === 404) {
    return problem(
      `${url}: 404, the static files were not collected into the image`,
      'collect them in the Dockerfile (RUN python manage.py collectstatic --noinput), build the image, mediwatch redeploy',
    );
  }
  return problem(`${url}: ${status} in place of 200`, 'read the log of the API, and check deployment.staticPaths');
}
