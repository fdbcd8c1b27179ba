import { z } from 'zod';
import type { Check } from '../check.ts';
import type { DoctorContext } from '../context.ts';
import { type Finding, ok, problem } from '../finding.ts';
import { judgeHealth } from '../judge/health.ts';
import { ask, baseOf, NoAnswer } from '../lib/http.ts';
import { counted } from '../lib/words.ts';

const Schema = z.object({ features: z.array(z.unknown()).min(1) });

/** The API serves the version in Production, in the configured environment, and tells what it takes. */
export const apiCheck: Check = {
  name: 'API',
  async run(context) {
    const { config, signal } = context;
    if (config.deployment.target === 'none') return [];
    const url = baseOf(config.deployment.apiUrl);
    const [health, production] = await Promise.all([
      ask(`${url}/health`, { signal }).catch((error: unknown) => {
        if (error instanceof NoAnswer) return error;
        throw error;
      }),
      productionOf(context),
    ]);
    if (health instanceof NoAnswer) {
      return [problem(`it does not answer at ${url} (${health.message})`, 'npm start, or correct deployment.apiUrl')];
    }
    const baked = config.deployment.target === 'docker' && config.docker.option === 'baked';
    const findings = judgeHealth(health, {
      registeredModel: config.registry.registeredModel,
      version: production,
      source: baked ? 'local' : 'mlflow',
    });
    return health.status === 200 ? [...findings, await examineSchema(url, signal)] : findings;
  },
};

/** Null when MLflow does not answer: its own check tells. */
async function productionOf({ versions }: DoctorContext): Promise<string | null> {
  const found = await versions().catch(() => []);
  return found.find(({ stage }) => stage === 'Production')?.version ?? null;
}

async function examineSchema(url: string, signal: AbortSignal): Promise<Finding> {
  const mend = 'mediwatch redeploy; if it stays, log the model with a signature';
  try {
    const { status, body } = await ask(`${url}/schema`, { signal });
    const schema = Schema.safeParse(body);
    if (status === 200 && schema.success) return ok(`/schema names ${counted(schema.data.features.length, 'feature')}`);
    return problem(`/schema answers ${status}${status === 200 ? ' without features' : ''}`, mend);
  } catch (error) {
    if (error instanceof NoAnswer) return problem(`/schema: ${error.message}`, mend);
    throw error;
  }
}
