import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTurn, ratio, say, summaries } from './figures.ts';
import { type BenchStack, startBenchStack } from './stack.ts';

/** Seconds of each workflow in a round. */
interface Round {
  retrain: number;
  redeploy: number;
  rollback: number;
}

/** Runs the same workflows on two stacks in turn, of which one encrypts what it gives Temporal. */
export async function benchEncryption({ rounds, trials }: { rounds: number; trials: number }) {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-bench-'));
  const stacks: BenchStack[] = [];
  try {
    const key = join(folder, 'payloads.key');
    await writeFile(key, randomBytes(32).toString('hex'), { mode: 0o600 });
    const plain = await startBenchStack();
    stacks.push(plain);
    const encrypted = await startBenchStack({ MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS: key });
    stacks.push(encrypted);
    // The first retrain of a stack makes what later ones find.
    for (const { retrain } of stacks) await retrain({ trials: 0, seed: 1 });
    const found = { plain: [] as Round[], encrypted: [] as Round[] };
    const measure =
      (name: keyof typeof found, { run, retrain }: BenchStack) =>
      async (round: number) => {
        const trained = await retrain({ trials, seed: round + 2 });
        const redeployed = await run('redeploy', {});
        const back = await run('rollback', { reason: 'benchmark' });
        const measured = { retrain: trained.seconds, redeploy: redeployed.seconds, rollback: back.seconds };
        found[name].push(measured);
        say(`round ${round + 1}, ${name}: ${JSON.stringify(measured)}`);
      };
    await inTurn(rounds, [measure('plain', plain), measure('encrypted', encrypted)]);
    const ratioOf = (name: keyof Round) =>
      ratio(
        found.encrypted.map((round) => round[name]),
        found.plain.map((round) => round[name]),
      );
    return {
      ratioOfRetrain: ratioOf('retrain'),
      ratioOfRedeploy: ratioOf('redeploy'),
      ratioOfRollback: ratioOf('rollback'),
      plainSeconds: summaries(found.plain),
      encryptedSeconds: summaries(found.encrypted),
      trials,
    };
  } finally {
    for (const stack of stacks) await stack.close();
    await rm(folder, { recursive: true, force: true });
  }
}
