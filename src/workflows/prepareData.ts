import type { Plan } from '../contracts/plan.ts';
import type { Dataset } from '../contracts/training.ts';
import { stepActivities } from './lib/activities.ts';
import { conduct, type Job } from './lib/conduct.ts';

/** Splits and encodes the data, and puts the data set into the artifact store; the same data are prepared once. */
export async function prepareData(input?: unknown): Promise<Dataset> {
  return conduct('prepareData', input, { stages: ['prepareData'], body, describe: describeDataset });
}

async function body({ request, plan, board }: Job<'prepareData'>): Promise<Dataset> {
  const { prepareDataset } = stepActivities(plan, 'prepare');
  const wanted = { ...preparation(plan), force: request.force ?? false };
  return board.stage('prepareData', () => prepareDataset(wanted), describeDataset);
}

/** What is prepared for a plan. */
export function preparation({ registeredModel, data, seed }: Plan): Pick<Plan, 'registeredModel' | 'data' | 'seed'> {
  return { registeredModel, data, seed };
}

export function describeDataset({ rows, groups, splits, features, ref }: Dataset): string {
  if (rows === null)
    return `${(ref.sizeBytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 1 })} MiB of files`;
  const of = groups === null ? '' : ` of ${groups.toLocaleString('en')} patients`;
  const columns = features === null ? '' : `, ${features} features`;
  const sizes =
    splits && [splits.train, splits.validation, splits.test].map((split) => counted(split.rows)).join(' / ');
  return `${counted(rows)} rows${of}${columns}${sizes ? `; train / validation / test ${sizes}` : ''}`;
}

const counted = (rows: number | null) => rows?.toLocaleString('en') ?? 'unknown';
