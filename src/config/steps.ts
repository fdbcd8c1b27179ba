import { z } from 'zod';
import { PassEnv } from '../contracts/schemas.ts';

const seconds = (description: string) => z.number().positive().meta({ unit: 'seconds', description });
const text = z.string().min(1);

/** Where the results of a command are found, besides a result file (MEDIWATCH_RESULT) and the MLflow run of the step. */
const Outputs = z
  .strictObject({
    metrics: z
      .record(z.string(), text)
      .default({})
      .describe('our name of a metric, and what its MLflow run calls it, such as test_auc: auc'),
    pattern: text
      .optional()
      .describe('regular expression with named groups, each a metric; the last line of output that matches counts'),
    file: text.optional().describe('JSON file with metrics that the command writes, relative to where it runs'),
    directory: text
      .optional()
      .describe('folder with the data that it prepared, relative to where it runs; absent: {output}'),
    model: text.default('model').describe('where its MLflow run keeps the model'),
    run: text
      .optional()
      .describe(
        'where it opens several MLflow runs: the name of the one that counts, or last; absent: it is found out',
      ),
    modelFile: text.optional().describe('model file that it writes, for a script that logs no model to MLflow'),
  })
  .prefault({});

const commandFields = {
  cwd: z.string().optional().describe('working directory, relative to mediwatch.yaml'),
  venv: z.string().optional().describe('virtual environment that its programs are taken from first'),
  python: z.string().optional().describe('interpreter in place of a leading python or python3'),
  image: z
    .string()
    .optional()
    .describe('container image in which it runs, with the project and its work folder mounted'),
  env: z.record(z.string(), z.string()).default({}).describe('extra environment variables; placeholders as in command'),
  passEnv: PassEnv.describe('variables of the worker that it gets too, such as AWS_PROFILE or MY_SERVICE_*'),
  timeout: seconds('the longest one attempt may take').default(3600),
  attempts: z
    .number()
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe(
      'how often it is tried when it fails or takes too long; absent: once. After a crash it is tried again anyway',
    ),
  backoff: seconds('wait before the second attempt, doubled before each further one').default(1),
  slots: z.number().int().min(1).optional().describe('how many of it run at once on a host; absent: worker.slots'),
  cores: z
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('how many of worker.slots it takes, and its {threads}; absent: one slot'),
  memoryMb: z
    .number()
    .int()
    .min(100)
    .optional()
    .meta({ unit: 'MiB', description: 'how much memory it may use; absent: worker.memoryLimitMb' }),
  gpus: z
    .number()
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe('GPUs of its own, by CUDA_VISIBLE_DEVICES; absent: none, where another step has some'),
  isolate: z
    .enum(['none', 'copy', 'worktree'])
    .default('none')
    .describe('where it runs: in the project itself, in a copy of it, or in a git worktree of what is committed'),
  outputs: Outputs.describe('where its results are found'),
} as const;

/** How a step is done. Without a command the bundled Python step does it. */
export const Step = z
  .strictObject({
    command: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('program and arguments, with placeholders; absent: the bundled Python step in the warm pool'),
    skip: z.boolean().default(false).describe('the project has no such step'),
    ...commandFields,
  })
  .prefault({});
export type StepConfig = z.infer<typeof Step>;

/** The page about a version: a retrain that has brought it to Production waits for it, but not for long. */
export const ReportStep = Step.unwrap()
  .extend({ timeout: seconds('the longest one attempt may take').default(600) })
  .prefault({});

/** A command of the project that stands before or after one of the stages of a retrain. */
export const ExtraStep = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,60}$/, 'Expected letters, digits, dots, dashes and underscores')
      .describe('what it is called on screens and in messages'),
    before: text.optional().describe('stage, or extra step, that it comes before'),
    after: text.optional().describe('or that it comes after'),
    command: z.array(z.string()).min(1).describe('program and arguments, with placeholders'),
    ...commandFields,
  })
  .refine(({ before, after }) => (before === undefined) !== (after === undefined), {
    message: 'Give either before or after',
  });
export type ExtraStep = z.infer<typeof ExtraStep>;
