import { z } from 'zod';
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
  metrics: Metrics.describe('scores on the test split that its training recorded'),
});

/** What became of a version: how its report begins. */
export const ReportOutcome = z.object({
  stage: z.enum(['Production', 'Staging', 'None']).describe('stage that was asked for'),
  promoted: z.boolean(),
  reason: z.string().describe('why it was promoted or not, in words'),
  approvedBy: z.string().nullable(),
  deployed: z.boolean().describe('whether the API answers with it'),
});
export type ReportOutcome = z.infer<typeof ReportOutcome>;

/** Input of the Python step `report`. */
export const ReportInput = z.object({
  trackingUri: z.string(),
  runId: z.string().describe('MLflow run that the page is logged to'),
  workDir: z.string(),
  threads: z.number().int(),
  registeredModel: z.string(),
  datasetDir: z.string().nullable().describe('data set of the bundled step; null: a command made another kind'),
  scored: z.boolean().describe('whether the models can be scored row by row; false: recorded metrics only'),
  challenger: ReportedModel.extend({ model: z.string(), params: Params.nullable() }),
  champion: ReportedModel.extend({
    objection: z.string().nullable().describe('why it must not be scored on these test rows; null: it may be'),
  }).nullable(),
  search: z.object({
    trials: z.array(Trial),
    metric: z.string().describe("what a trial's score is called"),
    direction: z.enum(['maximize', 'minimize']),
    space: Space.nullable(),
  }),
  lineage: z.object({
    workflowId: z.string(),
    workflowUrl: z.string(),
    runUrl: z.string().describe("the run's page in MLflow"),
    trigger: z.string(),
    startedAt: z.iso.datetime(),
    data: z.string().describe('source of the data, as in data.path'),
    datasetSha256: z.string(),
    seed: z.number().int(),
    codeRevision: z.string().nullable().describe("commit of the project's checkout; null where there is none"),
    release: z.string().describe('release of this service'),
    driftReport: z.string().nullable(),
  }),
  outcome: ReportOutcome.nullable().describe('null: nothing is decided yet'),
});
export type ReportInput = z.infer<typeof ReportInput>;

/** Result of the step. */
export const WrittenReport = z.object({
  reportUri: z.string().describe('such as runs:/…/report/report.html'),
  dataUri: z.string(),
  summary: z.string().describe('the gist of the page in one sentence'),
});
export type WrittenReport = z.infer<typeof WrittenReport>;
