import { exampleRecords } from '../activities/deployment.ts';
import type { ApiContract } from '../contracts/apiContract.ts';
import type { Check } from '../contracts/deployment.ts';
import type { Proposal } from '../contracts/tried.ts';
import { firstRecords } from '../doctor/sample.ts';
import { checkSecret } from '../systems/checkSecret.ts';
import { createCandidateClient } from '../systems/deployment/checks.ts';
import { VerificationFailed } from '../systems/deployment/target.ts';
import { verifyCandidate } from '../systems/deployment/verify.ts';
import { contractOf, survey } from './survey.ts';
import type { World } from './world.ts';

/** What came of an API that did not pass: why, and the settings with which it would, if some were found. */
export class ApiRefused extends Error {
  override name = 'ApiRefused';
  readonly proposal: Proposal | null;
  /** Whether the API passes with what is proposed. */
  readonly passes: boolean;

  constructor(cause: VerificationFailed, proposal: Proposal | null, passes: boolean) {
    super(cause.message, { cause });
    this.proposal = proposal;
    this.passes = passes;
  }
}

/** How many rows are sent, so that an answer with as many predictions is known. */
const ROWS = 2;

/**
 * Starts the API of a version, lets it prove itself as a redeploy would, and gives it the traffic of its gateway. To be run
 * as an activity.
 *
 * @throws {ApiRefused} when it does not pass
 */
export async function tryApi(world: World, version: string, signal: AbortSignal): Promise<{ checks: Check[] }> {
  const { registeredModel } = world.config.registry;
  const api = await world.openApi();
  const key = world.name;
  try {
    const checks = await api.bringUpCandidate({ registeredModel, version, key });
    await api.target.shift(key, 1, signal);
    return { checks };
  } catch (error) {
    if (!(error instanceof VerificationFailed)) throw error;
    const { state } = await api.target.state(key);
    if (state === 'exited' || state === 'absent') throw new ApiRefused(error, null, false);
    const { url } = await api.target.start({ key, model: registeredModel, version }, signal);
    throw await explained(world, error, { url, version, signal });
  }
}

async function explained(
  { config, sample }: World,
  refusal: VerificationFailed,
  { url, version, signal }: { url: string; version: string; signal: AbortSignal },
): Promise<ApiRefused> {
  const secret = checkSecret(config);
  const client = createCandidateClient(url, secret, signal);
  try {
    const given = await exampleRecords(config);
    const isTable = sample.rows !== null || /\.(csv|tsv|txt)(\.gz)?$/i.test(sample.path);
    const read = isTable ? () => firstRecords(sample.path, config.data, ROWS).catch(() => []) : () => [];
    const records = given.length > 0 ? given : await read();
    const { contract } = config.deployment;
    const proposal = await survey({ client, version, records, contract });
    if (Object.keys(proposal).length === 0) return new ApiRefused(refusal, null, false);
    const passes = await wouldPass(contractOf(proposal));
    return new ApiRefused(refusal, proposal, passes);

    async function wouldPass(proposed: ApiContract): Promise<boolean> {
      const { registry, deployment } = config;
      return await verifyCandidate({
        ...{ url, secret, version, signal, contract: proposed, example: records },
        ...(proposal.request !== undefined && { request: proposal.request }),
        model: registry.registeredModel,
        require: deployment.checks,
        healthTimeoutMs: 5_000,
        maxPredictMs: deployment.maxPredictSeconds * 1000,
        staticPaths: deployment.staticPaths,
        state: async () => ({ state: 'running' }),
      }).then(
        () => true,
        () => false,
      );
    }
  } finally {
    await client.close();
  }
}
