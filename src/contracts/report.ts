import { z } from 'zod';
import { memoryMb, RecordedFiles } from './registry.ts';
import { Metrics, Params, Space, Trial } from './training.ts';

/** Where the pages of a run lie in its MLflow artifacts. */
export const REPORT_FILES = {
  /** the page itself */
  page: 'report/report.html',
  /** what it was drawn from: drawing it again takes no second computation */
  data: 'report/report.json',
} as const;

const ReportedModel = z.object({
  version: z.string(),
  uri: z.string().describe('where the model lies, such as models:/Name/3'),
  recorded: RecordedFiles.nullable().default(null).describe('files as registered; null: not known'),
  metrics: Metrics.default({}).describe('scores on the test split that its training recorded'),
});

const unknown = z.string().nullable().default(null);

/** What became of a version: how its report begins. */
export const ReportOutcome = z.object({
  stage: z.enum(['Production', 'Staging', 'None']).describe('stage that was asked for'),
  promoted: z.boolean(),
  reason: z.string().describe('why it was promoted or not, as text'),
  approvedBy: z.string().nullable(),
  deployed: z.boolean().describe('whether the API answers with it'),
});
export type ReportOutcome = z.infer<typeof ReportOutcome>;

/** Input of the step `report`. What is left out is not known: the page says so. */
export const ReportInput = z.strictObject({
  trackingUri: z.string().min(1).describe("MLflow's tracking server"),
  runId: z.string().min(1).describe('MLflow run that the page is logged to'),
  workDir: unknown.describe('folder for temporary files'),
  threads: z.number().int().min(1).max(1024).default(1).describe('threads to use'),
  memoryMb,
  registeredModel: z.string().min(1).default('model').describe('name of the registered model'),
  datasetDir: unknown.describe('folder that prepare wrote; null: a command made another kind of data set'),
  scored: z
    .boolean()
    .nullable()
    .default(null)
    .describe('whether the models can be scored row by row; null: where there is a data set'),
  challenger: ReportedModel.extend({
    model: unknown,
    params: Params.nullable().default(null),
    versions: z
      .record(z.string(), z.string())
      .nullable()
      .default(null)
      .describe('versions of Python and packages that it declares; null: those that are installed here'),
  }).describe('the new version'),
  champion: ReportedModel.extend({
    objection: unknown.describe('why it must not be scored on these test rows; null: it may be'),
  })
    .nullable()
    .default(null)
    .describe('the version that it is compared with'),
  search: z
    .strictObject({
      trials: z.array(Trial).default([]),
      metric: z.string().default('score').describe("what a trial's score is called"),
      direction: z.enum(['maximize', 'minimize']).default('maximize'),
      space: Space.nullable().default(null),
    })
    .prefault({})
    .describe('the search; without trials: none was made'),
  lineage: z
    .strictObject({
      workflowId: unknown,
      workflowUrl: unknown,
      runUrl: unknown.describe("the run's page in MLflow"),
      trigger: unknown,
      startedAt: unknown.describe('ISO 8601'),
      data: unknown.describe('source of the data, as in data.path'),
      datasetSha256: unknown,
      seed: z.number().int().nullable().default(null),
      codeRevision: unknown.describe("commit of the project's checkout; null: there is none"),
      release: unknown.describe('release of this service'),
      driftReport: unknown,
    })
    .prefault({})
    .describe('where the version comes from'),
  outcome: ReportOutcome.nullable().default(null).describe('what became of the version; null: nothing is decided yet'),
});
export type ReportInput = z.infer<typeof ReportInput>;

/** Result of the step `report`. */
export const WrittenReport = z.object({
  reportUri: z.string().describe('such as runs:/…/report/report.html'),
  dataUri: z.string().describe('what the page was drawn from'),
  summary: z.string().describe('the gist of the page in one sentence'),
});
export type WrittenReport = z.infer<typeof WrittenReport>;
