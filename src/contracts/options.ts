import { z } from 'zod';
import { MetricRule } from './registry.ts';
import { OptionalLocation } from './text.ts';
import { ColumnChoice, MODELS, Space, TASKS } from './training.ts';

/*
 * Options, group by group. A group `…Options` is what a person may also give when starting a workflow; the group
 * `…Settings` around it is the section of mediwatch.yaml. Settings, inputs, plans, flags and the docs are composed of
 * these objects, so an option is added here and used where it takes effect.
 */

declare module 'zod' {
  interface GlobalMeta {
    /** Unit of a number, such as seconds. */
    unit?: 'seconds' | 'hours' | 'days' | 'KiB' | 'MiB' | 'GiB';
    /** What a default is called that differs from host to host. */
    defaultName?: string;
    /** A list that may also be written as one text, with commas between its entries. */
    commas?: true;
    /** Setting that holds where a field of an input is left out, such as `search.trials`. */
    setting?: string;
    /** Name of the command's flag, where it is not that of the field; empty: it is no flag. */
    flag?: string;
    /** What the value of the flag is called in help. */
    value?: string;
  }
}

/** A duration with its default (seconds). */
const seconds = (fallback: number, description: string) =>
  z.number().positive().default(fallback).meta({ unit: 'seconds', description });

/** A list that a variable can hold: `age, weight`. */
export const list = <Item extends z.ZodType>(item: Item) => z.array(item).meta({ commas: true });

const REGISTRY_STAGES = ['Production', 'Staging'] as const;

export const DataOptions = z.strictObject({
  seed: z
    .number()
    .int()
    .min(0)
    // What NumPy takes.
    .max(2 ** 32 - 1)
    .default(42)
    .describe('seed of the split and of the search'),
});
export const DataSettings = DataOptions.extend({
  path: OptionalLocation.default('data/diabetic_data.csv.gz').describe(
    'CSV or Parquet, packed or not, relative to mediwatch.yaml',
  ),
  roots: list(z.string())
    .default([])
    .describe(
      "folders whose files an input may name as data or log, relative to mediwatch.yaml, besides the project's and those of data.path and monitoring.log",
    ),
  target: z.string().default('readmitted').describe('column to predict'),
  task: z
    .enum(['auto', ...TASKS])
    .default('auto')
    .describe('what is predicted: one of two values, one of several, or a number; auto: as the values suggest'),
  positive: z
    .string()
    .min(1)
    .optional()
    .describe(
      'value of the target column that counts as positive, of two values; absent: <30 where there is one, else yes, true, 1 or the like, else the rarer one',
    ),
  group: z
    .string()
    .nullable()
    .default('patient_nbr')
    .describe('no value of this column appears in two splits; null or empty: split by row'),
  drop: list(z.string())
    .optional()
    .describe('columns left out of the features; absent: the bundled list of identifiers'),
  idCategories: list(z.string()).optional().describe('integer-coded columns that are categories, not quantities'),
  columns: z
    .record(z.string(), ColumnChoice)
    .default({})
    .describe(
      'what columns hold, by name, where it is not what their cells look like: number, category, date, boolean, text; drop: leave it out',
    ),
  separator: z.string().min(1).max(1).optional().describe('between the cells of CSV; absent: found from the file'),
  encoding: z.string().min(1).optional().describe('of the text, such as latin-1; absent: found from the file'),
  testFraction: z.number().gt(0).lt(0.9).default(0.15).describe('share of the groups in the test split'),
  validationFraction: z.number().gt(0).lt(0.9).default(0.15).describe('share in the validation split'),
});

export const TrainingOptions = z.strictObject({
  model: z.enum(MODELS).default('hgb').describe('kind of model; hgb: histogram gradient boosting; rf: random forest'),
});

export const SearchOptions = z.strictObject({
  trials: z.number().int().min(0).max(10_000).default(20).describe('trials of a search; 0: no search'),
  parallel: z
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('trials that run at once; absent: one for each core of the training workers'),
  pruner: z
    .enum(['none', 'median', 'asha', 'hyperband'])
    .default('asha')
    .describe("which of Optuna's pruners ends trials that fall behind; asha: successive halving, asynchronous"),
});
export const SearchSettings = SearchOptions.extend({
  metric: z
    .string()
    .default('')
    .describe("metric of a trial's run that is its score, for trials that are commands; empty: score"),
  direction: z.enum(['maximize', 'minimize']).default('maximize').describe('which scores are better'),
  sampler: z.enum(['tpe', 'random']).default('tpe').describe('how parameters are proposed'),
  space: Space.optional().describe('search space; absent: the bundled one of the algorithm'),
  warmStart: z
    .number()
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe('the first trials have the parameters of so many of the latest versions; 0: of none'),
  timeout: z.number().min(0).default(0).meta({
    unit: 'seconds',
    description:
      'no trial begins later than this after the first, once one has a score; 0: no limit. One command that does the whole search has steps.search.timeout',
  }),
  patience: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('no trial begins after so many in a row without a better score; 0: no limit'),
  maxFailedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('the search fails when more than this share of its trials failed'),
});

export const PromotionOptions = z.strictObject({
  registryStage: z
    .enum([...REGISTRY_STAGES, 'None'])
    .default('Production')
    .meta({ flag: 'stage', description: 'registry stage that a retrain promotes to; None: only register' }),
  policy: z
    .enum(['rules', 'always', 'never'])
    .default('rules')
    .describe('rules: every rule must hold; always: promote whatever it scores; never: only by force'),
  maxAucLoss: z
    .number()
    .min(0)
    .max(1)
    .default(0.005)
    .describe(
      'the challenger may score this much less test AUC (of a regression, R²) than the champion, on the same test split',
    ),
  rules: z
    .array(MetricRule)
    .max(100)
    .optional()
    .describe('metric rules in place of the one of maxAucLoss: metric, direction, maxLoss or minGain, confidence'),
  stagingFirst: z.boolean().default(false).describe('deploy and smoke-test a staging API before Production'),
});
export const PromotionSettings = PromotionOptions.extend({
  floor: z
    .boolean()
    .default(true)
    .describe('refuse a version that is no better than a trivial model, which answers the same for every row'),
  requiredTags: z
    .record(z.string(), z.string())
    .default({})
    .describe('tags that a version must have to be promoted; "*" stands for any value'),
  maxAgeDays: z
    .number()
    .positive()
    .optional()
    .meta({ unit: 'days', description: 'a version older than this is not promoted' }),
});

/** The base64 of the key's DER, as `openssl pkey -pubout` writes it between its lines. */
const ED25519 = /^(MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=)?$/;

export const ApprovalSettings = z.strictObject({
  required: z.boolean().default(false).describe('a promotion to Production waits for a person to approve or reject it'),
  remindEvery: seconds(4 * 3600, 'how often people are reminded of a decision'),
  expireAfter: seconds(72 * 3600, 'without a decision the promotion is refused after this time'),
  approvers: z
    .record(z.string().min(1), z.string().regex(ED25519, 'Expected a public Ed25519 key in base64, or an empty text'))
    .default({})
    .describe(
      'who may decide, each with the public key (Ed25519, base64) that must sign; an empty key: by name alone; none: anybody',
    ),
  notRequester: z.boolean().default(false).describe('who asked for a promotion may not approve it'),
});
export type ApprovalSettings = z.output<typeof ApprovalSettings>;

export const RolloutOptions = z.strictObject({
  strategy: z
    .enum(['atOnce', 'canary', 'linear'])
    .default('atOnce')
    .describe('how traffic moves: all at once; a share, then all; or in equal steps'),
});
export const RolloutSettings = RolloutOptions.extend({
  share: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .describe('share of the requests in the canary step, or of each linear step'),
  bakeSeconds: seconds(60, 'how long each step is watched before the next'),
  minRequests: z
    .number()
    .int()
    .min(0)
    .default(20)
    .describe('a step with fewer requests to the candidate is not judged by its rates'),
  maxErrorRate: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe("how far the candidate's error rate may exceed the old one's before traffic moves back"),
  maxLatencyRatio: z
    .number()
    .positive()
    .default(3)
    .describe(
      "how many times the old one's 95th percentile of latency the candidate's may be before traffic moves back",
    ),
  maxPredictionShift: z
    .number()
    .positive()
    .default(0.25)
    .describe(
      'population stability index of the predicted probabilities or classes, old against new, above which traffic moves back; of the numbers of a regression, that of normal distributions with their means and spreads',
    ),
});
export type RolloutSettings = z.output<typeof RolloutSettings>;

export const MonitoringOptions = z.strictObject({
  log: OptionalLocation.default('').describe("prediction log: file, folder or glob; empty: the embedded gateway's"),
  reference: z
    .enum(['log', 'training'])
    .default('log')
    .describe('what current rows are compared with: earlier rows of the log, or the training data'),
  minRows: z.number().int().min(1).default(50).describe('rows that each window must have'),
});

/** When a report counts as drift: any of the rules that are set. */
export const DriftGate = z.strictObject({
  dataset: z.boolean().default(true).describe('drift when the data set drifted'),
  minColumns: z
    .number()
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('drift when at least this many features drifted'),
  columns: list(z.string())
    .default([])
    .meta({ flag: 'column', value: 'name', description: 'drift when any of these columns drifted' }),
  share: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .default(null)
    .describe('drift when at least this share of the features drifted'),
  prediction: z.boolean().default(false).describe('drift when the prediction drifted'),
  target: z.boolean().default(false).describe('drift when the target drifted, where labels are known'),
});
export type DriftGate = z.output<typeof DriftGate>;

export const StewardSettings = z.strictObject({
  cooldown: seconds(6 * 3600, 'after a retrain alerts wait this long'),
  backoff: seconds(900, 'wait after a failed retrain; doubled after each further one'),
  maxBackoff: seconds(6 * 3600, 'the longest such wait'),
  maxFailures: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe('after this many failures in a row the steward pauses until somebody resumes it'),
  retrain: z.record(z.string(), z.unknown()).default({}).describe('input of the retrains that it starts'),
});
export type StewardSettings = z.output<typeof StewardSettings>;

/** A field without its default, and without what makes it optional. */
type Bare<Field> = Field extends z.ZodDefault<infer Inner> | z.ZodOptional<infer Inner> ? Bare<Inner> : Field;

/** The options of a section as fields of an input: each may be left out, and the section's setting holds then. */
export function overrides<Shape extends z.ZodRawShape>(
  section: string,
  options: z.ZodObject<Shape>,
): { [Name in keyof Shape]: z.ZodOptional<Bare<Shape[Name]>> } {
  const fields = Object.entries<z.ZodType>(options.shape as never).map(([name, field]) => {
    let bare = field;
    while (bare instanceof z.ZodDefault || bare instanceof z.ZodOptional) bare = bare.unwrap() as z.ZodType;
    return [name, bare.optional().meta({ ...field.meta(), setting: `${section}.${name}` })];
  });
  return Object.fromEntries(fields) as never;
}
