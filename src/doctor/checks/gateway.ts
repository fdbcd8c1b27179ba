import { z } from 'zod';
import type { Check } from '../check.ts';
import { type Finding, ok, problem } from '../finding.ts';
import { ask, baseOf, NoAnswer } from '../lib/http.ts';

/** The part of the gateway's status that is looked at. */
const Status = z.object({ active: z.object({ key: z.string(), version: z.string() }).nullable() });

/** The gateway that moves the API's traffic answers. */
export const gatewayCheck: Check = {
  name: 'Gateway',
  async run({ config, signal }) {
    const { target, adminUrl } = config.deployment;
    if (target === 'none') return [];
    return [await examineGateway(adminUrl, signal)];
  },
};

const MEND = 'npm start, or name yours in deployment.adminUrl';

async function examineGateway(adminUrl: string, signal: AbortSignal): Promise<Finding> {
  try {
    const { status, body } = await ask(`${baseOf(adminUrl)}/status`, { signal });
    const state = Status.safeParse(body);
    if (status !== 200 || !state.success) {
      return problem(`what answers at ${adminUrl} (status ${status}) is not the gateway`, MEND);
    }
    const { active } = state.data;
    return ok(
      `at ${adminUrl}, ${active ? `sends requests to version ${active.version}` : 'without a version to serve'}`,
    );
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return problem(`it does not answer at ${adminUrl} (${error.message}): no redeploy is possible`, MEND);
  }
}
