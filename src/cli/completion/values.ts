import { forModel, modelNames } from '../../config.ts';
import { scoreText, utcMinute } from '../../words/numbers.ts';
import type { Cli } from '../cli.ts';
import type { AskedValues } from '../flags.ts';
import { askMlflow, withSession } from '../session.ts';
import type { ExecutionState } from '../status/workflow.ts';
import { listedVersions } from '../versions/registry.ts';
import type { Candidate } from './line.ts';

/** A person has pressed a key and waits (ms). */
const LIMIT_MS = 2_000;
const ENDED = 20;

/** Who is asked for the values of an argument; a registered model may have been named before it on the line. */
export const VALUES: Record<AskedValues, (cli: Cli, registeredModel: string | undefined) => Promise<Candidate[]>> = {
  workflows: async (cli) => {
    const { running, recent } = await executions(cli);
    return [...running, ...recent].map(candidateOf);
  },
  runningWorkflows: async (cli) => (await executions(cli)).running.map(candidateOf),
  promotions: async (cli) => {
    const { running } = await executions(cli);
    const decided = running.filter(({ workflow }) => workflow === 'promote' || workflow === 'retrain');
    // Those that wait for somebody come first.
    return decided.sort((a, b) => Number(b.waiting === 'approval') - Number(a.waiting === 'approval')).map(candidateOf);
  },
  versions: async (cli, registeredModel) => {
    const config = cli.config();
    const own = forModel(config, registeredModel ?? config.registry.registeredModel);
    return (await listedVersions(own, LIMIT_MS)).map(({ version, stage, aliases, score }) => ({
      value: version,
      about: [score ? scoreText(score) : '', stage === 'None' ? '' : stage, ...aliases.map((alias) => `@${alias}`)]
        .filter(Boolean)
        .join(', '),
    }));
  },
  schedules: async (cli) => {
    const { schedules } = cli.config();
    const declared = Object.entries(schedules).map(([value, { workflow }]) => ({ value, about: workflow }));
    const { listOurs } = await import('../../systems/schedules/lookup.ts');
    const others = await withSession(cli, ({ client }) => listOurs(client), { connectLimitMs: LIMIT_MS }).catch(
      () => [],
    );
    const more = others.filter((name) => !(name in schedules));
    return [...declared, ...more.map((value) => ({ value, about: 'not declared in mediwatch.yaml' }))];
  },
  models: async (cli) => {
    const config = cli.config();
    const inRegistry = await askMlflow(config, (mlflow) => mlflow.listModels(), LIMIT_MS).catch(() => []);
    return [...new Set([...modelNames(config), ...inRegistry])].map((value) => ({ value, about: '' }));
  },
};

async function executions(cli: Cli) {
  // The versions and models of MLflow need no client of Temporal.
  const { listExecutions } = await import('../status/workflow.ts');
  return await withSession(cli, (session) => listExecutions(session, ENDED), { connectLimitMs: LIMIT_MS });
}

function candidateOf({ workflowId, workflow, state, waiting, startedAt }: ExecutionState): Candidate {
  const now = waiting === 'approval' ? 'waits for a decision' : state;
  return { value: workflowId, about: `${workflow}, ${now}, since ${utcMinute(startedAt)}` };
}
