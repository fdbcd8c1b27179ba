import { startLoad } from '../test/support/load.ts';
import { say, summary } from './figures.ts';
import { startBenchStack } from './stack.ts';

interface Options {
  /** How many redeploys, and how many rollbacks. */
  rounds: number;
  /** Requests a second to /predict while they go on. */
  rate: number;
}

/**
 * Redeploys the version in Production and rolls back to the other one, in turn, on a stack of its own, under a steady
 * load. The versions are trained on a sample: what is measured is how they are exchanged.
 */
export async function benchRedeploy({ rounds, rate }: Options) {
  const stack = await startBenchStack();
  try {
    const versions: string[] = [];
    for (const seed of [1, 2]) versions.push((await stack.retrain({ trials: 0, seed })).result.version.version);

    const { apiUrl } = stack.config.deployment;
    const schema = (await (await fetch(`${apiUrl}/schema`)).json()) as { example: { records: [] } };
    const load = startLoad({ apiUrl, requestsPerSecond: rate, records: schema.example.records });
    const seconds = { redeploy: [] as number[], rollback: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      seconds.redeploy.push((await stack.run('redeploy', {})).seconds);
      // A version that was rolled back is not promoted again, but can be rolled back to by its name.
      const version = versions[round % 2];
      seconds.rollback.push((await stack.run('rollback', { version, reason: 'benchmark' })).seconds);
    }
    const answers = await load.stop();

    const failures = answers.flatMap(({ failure }) => failure ?? []);
    for (const failure of failures.slice(0, 5)) say(`failed: ${failure}`);
    const latencies = answers.map(({ ms }) => ms).sort((one, other) => one - other);
    const answersOf = (version: string) => answers.filter((answer) => answer.version === version).length;
    return {
      requests: answers.length,
      failedRequests: failures.length,
      unknownVersionAnswers: answers.filter(({ version }) => version !== null && !versions.includes(version)).length,
      requestsPerSecond: rate,
      redeploySeconds: summary(seconds.redeploy),
      rollbackSeconds: summary(seconds.rollback),
      latencyMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), max: percentile(latencies, 1) },
      answersByVersion: Object.fromEntries(versions.map((version) => [version, answersOf(version)])),
    };
  } finally {
    await stack.close();
  }
}

const round1 = (value: number) => Math.round(value * 10) / 10;
const percentile = (sorted: number[], share: number) =>
  round1(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN);
