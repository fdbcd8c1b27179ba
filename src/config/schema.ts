import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { NotificationTarget } from '../contracts/notifications.ts';
import { MetricRule } from '../contracts/registry.ts';
import { Schedules } from '../contracts/schedules.ts';
import { MODELS, Space } from '../contracts/training.ts';
import { ExtraStep, ReportStep, Step } from './steps.ts';

const port = (fallback: number, what: string) =>
  z.coerce.number().int().min(1).max(65535).default(fallback).describe(what);
const seconds = (fallback: number, what: string) =>
  z.coerce.number().positive().default(fallback).describe(`${what} (seconds)`);
const flag = (fallback: boolean) =>
  z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]).default(fallback);
const commaSeparated = (text: string) => text.split(',').map((item) => item.trim());
const list = z.union([z.array(z.string()), z.string().transform((text) => commaSeparated(text).filter(Boolean))]);
/** A name that may be left out; a text without a letter says that, too. */
const nameOrNone = z.union([z.string().regex(/\S/), z.string().transform(() => null)]).nullable();
/** A section that may be left out: its own defaults fill it. */
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).prefault({} as never);

export const ROLES = ['orchestration', 'training', 'deployment'] as const;
export type Role = (typeof ROLES)[number];

/** Every setting: the schema is also the source of the README's table (`npm run docs`). */
export const ConfigSchema = z.strictObject({
  registry: section({
    registeredModel: z.string().min(1).default('MediWatchReadmit').describe('registered model in MLflow'),
  }),
  training: section({
    model: z.enum(MODELS).default('hgb').describe('hgb: histogram gradient boosting; rf: random forest'),
  }),
  data: section({
    path: z.string().default('data/diabetic_data.csv.gz').describe('CSV, plain or gzipped, relative to mediwatch.yaml'),
    target: z.string().default('readmitted').describe('column to predict'),
    positive: z.string().default('<30').describe('value of the target column that counts as positive'),
    group: nameOrNone
      .default('patient_nbr')
      .describe('no value of this column appears in two splits; null or empty: split by row'),
    drop: list.optional().describe('columns left out of the features; absent: the bundled list of identifiers'),
    idCategories: list.optional().describe('integer-coded columns that are categories, not quantities'),
    seed: z.coerce.number().int().default(42).describe('seed of the split and of the search'),
    testFraction: z.coerce.number().gt(0).lt(0.9).default(0.15).describe('share of the groups in the test split'),
    validationFraction: z.coerce.number().gt(0).lt(0.9).default(0.15).describe('share in the validation split'),
  }),
  search: section({
    metric: z
      .string()
      .default('')
      .describe("metric of a trial's run that is its score, for trials that are commands; empty: score"),
    direction: z.enum(['maximize', 'minimize']).default('maximize').describe('which scores are better'),
    trials: z.coerce.number().int().min(0).max(10_000).default(20).describe('trials of a search; 0: no search'),
    parallel: z.coerce
      .number()
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('trials that run at once; absent: one for each core of the training workers'),
    sampler: z.enum(['tpe', 'random']).default('tpe').describe('how parameters are proposed'),
    space: Space.optional().describe('search space; absent: the bundled one of the algorithm'),
    maxFailedShare: z.coerce
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('the search fails when more than this share of its trials failed'),
  }),
  promotion: section({
    stage: z.enum(['Production', 'Staging', 'None']).default('Production').describe('stage a retrain promotes to'),
    policy: z
      .enum(['rules', 'always', 'never'])
      .default('rules')
      .describe('rules: every rule must hold; always: promote whatever it scores; never: only by force'),
    maxAucLoss: z.coerce
      .number()
      .min(0)
      .max(1)
      .default(0.005)
      .describe('the challenger may score this much less test AUC than the champion, on the same test split'),
    rules: z
      .array(MetricRule)
      .optional()
      .describe('metric rules in place of the one of maxAucLoss: metric, direction, maxLoss or minGain, confidence'),
    requiredTags: z
      .record(z.string(), z.string())
      .default({})
      .describe('tags that a version must have to be promoted; "*" stands for any value'),
    maxAgeDays: z.coerce.number().positive().optional().describe('a version older than this is not promoted (days)'),
    stagingFirst: flag(false).describe('deploy and smoke-test a staging API before Production'),
  }),
  approval: section({
    required: flag(false).describe('a promotion to Production waits for a person to approve or reject it'),
    remindEvery: seconds(4 * 3600, 'how often it is noted that a decision is waited for'),
    expireAfter: seconds(72 * 3600, 'without a decision the promotion is refused after this time'),
  }),
  deployment: section({
    target: z
      .enum(['process', 'docker', 'none'])
      .default('process')
      .describe('where the API runs: as a process of the gateway, as a container, or nowhere'),
    apiUrl: z.string().default('').describe('base URL of the running API; empty: the embedded one'),
    adminUrl: z.string().default('').describe("base URL of the gateway's admin API; empty: the embedded one"),
    healthTimeout: seconds(90, 'how long a candidate may take to answer /health with its version'),
    maxPredictSeconds: seconds(5, 'how long the candidate may take for one prediction'),
    drain: seconds(10, 'how long the replaced API may finish its open requests'),
    staticPaths: list.default([]).describe('paths that must answer 200 before traffic moves'),
    checks: z
      .array(z.enum(['version', 'schema', 'prediction']))
      .default(['version', 'schema', 'prediction'])
      .describe(
        'what a candidate must prove besides answering /health: that it serves the version, describes its features, predicts',
      ),
    example: z
      .string()
      .default('')
      .describe('JSON file with records to predict, relative to mediwatch.yaml; empty: the example of /schema'),
    command: z
      .array(z.string())
      .min(1)
      .optional()
      .describe(
        'program of the API and its arguments, with {host}, {port}, {model} and {version}, for the target process; absent: the bundled one',
      ),
    cwd: z.string().default('').describe('working directory of that command, relative to mediwatch.yaml'),
    venv: z.string().default('').describe('virtual environment that its programs are taken from first'),
    env: z.record(z.string(), z.string()).default({}).describe('extra environment of that command'),
  }),
  rollout: section({
    strategy: z
      .enum(['atOnce', 'canary', 'linear'])
      .default('atOnce')
      .describe('how traffic moves: all at once; a share, then all; or in equal steps'),
    share: z.coerce
      .number()
      .gt(0)
      .lt(1)
      .default(0.1)
      .describe('share of the requests in the canary step, or of each linear step'),
    bakeSeconds: seconds(60, 'how long each step is watched before the next'),
    minRequests: z.coerce
      .number()
      .int()
      .min(0)
      .default(20)
      .describe('a step with fewer requests to the candidate is not judged by its rates'),
    maxErrorRate: z.coerce
      .number()
      .min(0)
      .max(1)
      .default(0.02)
      .describe("error rate of the candidate above the old one's that rolls back"),
    maxLatencyRatio: z.coerce
      .number()
      .positive()
      .default(3)
      .describe("95th percentile of the candidate's latency, as a multiple of the old one's, that rolls back"),
    maxPredictionShift: z.coerce
      .number()
      .positive()
      .default(0.25)
      .describe('population stability index of the predicted probabilities, old against new, that rolls back'),
  }),
  docker: section({
    option: z
      .enum(['registry', 'baked'])
      .default('registry')
      .describe('registry: the image loads the model from MLflow; baked: an image is built for each version'),
    image: z.string().default('ghcr.io/sugan2saba/ml').describe('repository of the API image, without a tag'),
    tag: z.string().default('latest').describe('tag of the runtime image (option registry)'),
    bakedTag: z.string().default('withmodel').describe('tag of the image with the model (option baked)'),
    releaseTag: z.string().default('').describe('release tag beside it; empty: the date'),
    baseImage: z.string().default('python:3.11-slim-bookworm').describe('base of the images that are built'),
    context: z.string().default('.').describe('build context, relative to mediwatch.yaml'),
    dockerfile: z.string().default('deploy/Dockerfile').describe('Dockerfile of the runtime image'),
    bakedDockerfile: z
      .string()
      .default('deploy/Dockerfile.withmodel')
      .describe('Dockerfile of the image with the model'),
    modelPath: z
      .string()
      .default('artifacts/model_pipeline.joblib')
      .describe('where the model is placed in the build context (option baked)'),
    platforms: list.default(['linux/amd64', 'linux/arm64']).describe('platforms that are built, where the builder can'),
    push: flag(true).describe('push what was built to the registry'),
    username: z.string().default('').describe("login of the image registry; empty: docker's own credential store"),
    passwordFile: z.string().default('').describe('file with its password or token, such as a mounted secret'),
    network: z
      .string()
      .default('')
      .describe('Docker network of the API containers and the gateway; empty: ports on loopback'),
    mlflowUri: z.string().default('').describe('MLflow as the containers reach it; empty: found out'),
    env: z.record(z.string(), z.string()).default({}).describe('extra environment of the API container'),
    secretKeyFile: z.string().default('').describe('file with DJANGO_SECRET_KEY for the API container'),
    memoryMb: z.coerce.number().int().min(64).default(2048).describe('memory limit of an API container (MiB)'),
  }),
  steps: section({
    prepare: Step,
    search: Step,
    suggest: Step,
    trial: Step,
    train: Step,
    evaluate: Step,
    report: ReportStep,
    monitor: Step,
  }),
  monitoring: section({
    log: z
      .string()
      .default('')
      .describe("prediction log: a CSV or Parquet file, a folder of them, or a glob; empty: the embedded gateway's"),
    reference: z
      .enum(['log', 'training'])
      .default('log')
      .describe('what current rows are compared with: earlier rows of the log, or the data the champion learned from'),
    minRows: z.coerce
      .number()
      .int()
      .min(1)
      .default(50)
      .describe('a check with fewer rows than this in either window is skipped'),
    currentRows: z.coerce
      .number()
      .int()
      .min(1)
      .default(1000)
      .describe('the current window is the newest rows, this many, at most half of the log'),
    referenceRows: z.coerce
      .number()
      .int()
      .min(1)
      .default(5000)
      .describe('the reference window is the rows before those, this many at most'),
    currentHours: z.coerce.number().positive().optional().describe('the current window by time instead (hours)'),
    referenceHours: z.coerce
      .number()
      .positive()
      .optional()
      .describe('the reference window by time instead, counted back from the current one (hours)'),
    columns: list.optional().describe('features that are compared; absent: all of them'),
    method: z.string().default('').describe('test or distance, as Evidently names it; empty: its own choice'),
    threshold: z.coerce.number().positive().optional().describe('threshold of that method; absent: its own'),
    driftShare: z.coerce
      .number()
      .gt(0)
      .max(1)
      .default(0.3)
      .describe('the data set counts as drifted from this share of drifted features on'),
    labels: z.string().default('').describe('CSV or Parquet with event_id and the outcome, once known; empty: none'),
    labelColumn: z.string().default('label').describe('column of the outcome, in that file or in the log itself'),
    outDir: z
      .string()
      .default('reports/monitoring')
      .describe('where the latest report lies, relative to mediwatch.yaml'),
  }),
  driftGate: section({
    dataset: flag(true).describe('drift when the data set drifted'),
    minColumns: z.coerce.number().int().min(1).optional().describe('drift when at least this many features drifted'),
    columns: list.default([]).describe('drift when any of these columns drifted'),
    share: z.coerce.number().gt(0).max(1).optional().describe('drift when at least this share of the features drifted'),
    prediction: flag(false).describe('drift when the prediction drifted'),
    target: flag(false).describe('drift when the target drifted, where labels are known'),
  }),
  steward: section({
    cooldown: seconds(6 * 3600, 'after a retrain alerts wait this long'),
    backoff: seconds(900, 'wait after a failed retrain; doubled after each further one'),
    maxBackoff: seconds(6 * 3600, 'the longest such wait'),
    maxFailures: z.coerce
      .number()
      .int()
      .min(1)
      .default(3)
      .describe('after this many failures in a row the steward pauses until somebody resumes it'),
    retrain: z.record(z.string(), z.unknown()).default({}).describe('input of the retrains that it starts'),
  }),
  webhook: section({
    secret: z.string().default('').describe('secret that signs alerts (set it in the environment)'),
    secretFile: z.string().default('').describe('file with that secret; empty: one is made in stack.dir'),
    token: z
      .string()
      .default('')
      .describe(
        'bearer token for senders that cannot sign, such as Alertmanager; empty: none (set it in the environment)',
      ),
    tolerance: seconds(300, "how far a signature's time may be from now"),
    maxBodyKb: z.coerce.number().int().min(1).max(16_384).default(1024).describe('largest body that is read (KiB)'),
    url: z
      .string()
      .default('')
      .describe('where alerts are sent with "mediwatch alert --webhook"; empty: the embedded one'),
  }),
  worker: section({
    roles: z
      .union([
        z.array(z.enum(ROLES)),
        z
          .string()
          .transform(commaSeparated)
          .pipe(z.array(z.enum(ROLES))),
      ])
      .default([...ROLES])
      .describe('which task queues this worker serves'),
    slots: z.coerce
      .number()
      .int()
      .min(1)
      .max(256)
      .default(availableParallelism())
      .describe('training steps that run at once on this host; default: its cores'),
    memoryLimitMb: z.coerce
      .number()
      .int()
      .min(100)
      .default(4096)
      .describe('a step process that grows past this is replaced and its step retried (MiB)'),
    stopGrace: seconds(10, 'how long running steps may go on after the worker was asked to stop'),
    applySchedules: flag(true).describe('bring the schedules of Temporal in line with this file when it starts'),
    python: z.string().default('').describe("Python of the steps; empty: the package's own venv"),
    metricsAddress: z.string().default('').describe('host:port for Prometheus metrics of the SDK; empty: off'),
  }),
  temporal: section({
    address: z.string().default('').describe('host:port of the Temporal frontend; empty: the embedded server'),
    namespace: z.string().default('default').describe('Temporal namespace'),
    apiKey: z.string().default('').describe('API key of Temporal Cloud; turns TLS on (set it in the environment)'),
    tls: flag(false).describe('connect with TLS'),
    uiUrl: z.string().default('').describe('base URL of the Temporal UI for links; empty: the embedded one'),
  }),
  mlflow: section({
    uri: z.string().default('').describe('MLflow tracking server; empty: the embedded one'),
    uiUrl: z.string().default('').describe('base URL of its UI for links, as people reach it; empty: mlflow.uri'),
    experiment: z.string().default('mediwatch').describe('experiment of the runs'),
    timeout: seconds(30, 'time limit of one request'),
    token: z.string().default('').describe('bearer token (set it in the environment)'),
    username: z.string().default('').describe('basic-auth user (set it in the environment)'),
    password: z.string().default('').describe('basic-auth password (set it in the environment)'),
  }),
  artifacts: section({
    store: z
      .string()
      .default('mlflow')
      .describe("where data sets live: 'mlflow' (the server's artifact proxy) or a folder that every host mounts"),
    cacheLimitGb: z.coerce
      .number()
      .positive()
      .default(20)
      .describe("size of a worker's own copies, above which the least recently used ones go (GiB)"),
  }),
  logs: section({
    ship: flag(true).describe('copy the logs of steps to the artifact store, where "mediwatch logs" reads them'),
    keepDays: z.coerce
      .number()
      .min(0)
      .default(30)
      .describe('logs of steps older than this are removed, in the store and on the workers (days); 0: none is'),
  }),
  stack: section({
    dir: z.string().default('.mediwatch').describe('state of the embedded stack, relative to mediwatch.yaml'),
    bind: z
      .string()
      .default('127.0.0.1')
      .describe('address on which gateway and webhook listen; others listen on loopback'),
    adminHosts: list
      .default(['127.0.0.1', 'localhost', '[::1]'])
      .describe("host names by which the gateway's admin API may be called"),
    temporalPort: port(7233, 'port of the embedded Temporal server'),
    temporalUiPort: port(8233, 'port of its UI'),
    mlflowPort: port(5000, 'port of the embedded MLflow'),
    apiPort: port(8000, 'port of the model API'),
    apiAdminPort: port(8001, "port of the gateway's admin API"),
    webhookPort: port(8002, 'port of the webhook for drift alerts'),
  }),
  extraSteps: z.array(ExtraStep).default([]).describe('commands of the project before or after stages of a retrain'),
  models: z
    .record(z.string().min(1), z.record(z.string(), z.unknown()))
    .default({})
    .describe(
      'more than one model: by registered name, the sections in which it differs; absent: registry.registeredModel alone',
    ),
  schedules: Schedules.default({}).describe('what is started when, by name'),
  notifications: z.array(NotificationTarget).default([]).describe('who is told of what'),
});
