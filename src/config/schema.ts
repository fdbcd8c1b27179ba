import { availableParallelism } from 'node:os';
import type { ClientConfigProfile } from '@temporalio/envconfig';
import { z } from 'zod';
import { ApiContract } from '../contracts/apiContract.ts';
import { WORKER_ROLES } from '../contracts/names.ts';
import { NotificationTarget } from '../contracts/notifications.ts';
import {
  ApprovalSettings,
  DataSettings,
  DriftGate,
  list,
  MonitoringOptions,
  PromotionSettings,
  RolloutSettings,
  SearchSettings,
  StewardSettings,
  TrainingOptions,
} from '../contracts/options.ts';
import { Schedules } from '../contracts/schedules.ts';
import { PassEnv } from '../contracts/schemas.ts';
import { ColumnNames } from '../contracts/steps.ts';
import { GpuSetting } from './gpus.ts';
import type { Network } from './network.ts';
import { ExtraStep, ReportStep, Step } from './steps.ts';

const port = (fallback: number, what: string) => z.number().int().min(1).max(65535).default(fallback).describe(what);
const seconds = (fallback: number, description: string) =>
  z.number().positive().default(fallback).meta({ unit: 'seconds', description });
function isPattern(text: string): boolean {
  try {
    return new RegExp(text).source !== '';
  } catch {
    return false;
  }
}
/** A section that may be left out: its own defaults fill it. */
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).prefault({} as never);

/** Every setting: the schema is also the source of docs/settings.md (`npm run docs`). */
export const ConfigSchema = z.strictObject({
  registry: section({
    registeredModel: z.string().min(1).default('MediWatchReadmit').describe('registered model in MLflow'),
    trustedDigests: z
      .string()
      .default('')
      .describe(
        'file with the digests (mediwatch.digest) of the versions that may be loaded, one a line; empty: those of any version',
      ),
  }),
  training: TrainingOptions.prefault({}),
  data: DataSettings.prefault({}),
  search: SearchSettings.prefault({}),
  promotion: PromotionSettings.prefault({}),
  approval: ApprovalSettings.prefault({}),
  deployment: section({
    target: z
      .enum(['process', 'docker', 'none'])
      .default('process')
      .describe('where the API runs: as a process of the gateway, as a container, or nowhere'),
    apiUrl: z.string().default('').describe('base URL of the running API; empty: the embedded one'),
    adminUrl: z
      .string()
      .default('')
      .describe("the gateway's admin API: unix:/path of its socket, or a base URL; empty: the socket in stack.dir"),
    adminTokenFile: z
      .string()
      .default('')
      .describe(
        "file with the token of the gateway's admin port, readable for its owner only; empty: in stack.dir, where the gateway makes it",
      ),
    allowedHosts: list(z.string())
      .default([])
      .describe(
        'host names under which clients call the API beside localhost and addresses, and origins (https://…) of pages that may; *: any name; empty: any, where stack.bind lets others in',
      ),
    healthTimeout: seconds(90, 'how long a candidate may take to answer /health with its version'),
    maxPredictSeconds: seconds(5, 'how long the candidate may take for one prediction'),
    drain: seconds(10, 'how long the replaced API may finish its open requests'),
    staticPaths: list(z.string()).default([]).describe('paths that must answer 200 before traffic moves'),
    checks: z
      .array(z.enum(['version', 'schema', 'prediction']))
      .default(['version', 'schema', 'prediction'])
      .describe(
        'what a candidate must prove besides answering its health path: that it serves the version, describes its features, predicts; what deployment.contract does not have, it need not prove',
      ),
    contract: ApiContract.optional().describe(
      'where an API with other answers than the bundled one has its version and its predictions; absent: as the bundled one',
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
        'program of the API and its arguments, with {host}, {port}, {model}, {version} and {runId}, for the target process; absent: the bundled one',
      ),
    environment: z
      .enum(['ours', 'model'])
      .default('ours')
      .describe(
        "packages that the bundled API serves a model with, for the target process; model: those that the model's requirements.txt names, installed once for their digest",
      ),
    cwd: z.string().default('').describe('working directory of that command, relative to mediwatch.yaml'),
    venv: z.string().default('').describe('virtual environment that its programs are taken from first'),
    env: z
      .record(z.string(), z.string())
      .default({})
      .describe('extra environment of that command; placeholders as in it'),
    passEnv: PassEnv.describe("variables of the gateway that the API's processes get too"),
  }),
  rollout: RolloutSettings.prefault({}),
  docker: section({
    option: z
      .enum(['registry', 'baked'])
      .default('registry')
      .describe('registry: the image loads the model from MLflow; baked: an image is built for each version'),
    image: z.string().default('ghcr.io/sugan2saba/ml').describe('repository of the API image, without a tag'),
    tag: z.string().default('latest').describe('tag of the runtime image (option registry)'),
    bakedTag: z.string().default('withmodel').describe('tag of the image with the model (option baked)'),
    releaseTag: z.string().default('').describe('release tag beside it; empty: the date'),
    baseImage: z
      .string()
      .default('python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d')
      .describe('base of the images that are built'),
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
    platforms: list(z.string())
      .default(['linux/amd64', 'linux/arm64'])
      .describe('platforms that are built, where the builder can'),
    push: z.boolean().default(true).describe('push what was built to the registry'),
    username: z.string().default('').describe("login of the image registry; empty: docker's own credential store"),
    passwordFile: z.string().default('').describe('file with its password or token, such as a mounted secret'),
    signingKeyFile: z
      .string()
      .default('')
      .describe('private key (PEM) that signs where an image comes from; empty: images are not signed'),
    network: z
      .string()
      .default('')
      .describe('Docker network of the API containers and the gateway; empty: ports on loopback'),
    subnets: list(z.string())
      .default(['172.17.0.0/16'])
      .describe(
        "subnets of Docker's default network: without docker.network, the gateway sends requests to containers there only",
      ),
    mlflowUri: z.string().default('').describe('MLflow as the containers reach it; empty: found out'),
    env: z
      .record(z.string(), z.string())
      .default({})
      .describe('extra environment of the API container, with {model}, {version} and {runId}'),
    passEnv: PassEnv.describe('variables of the worker that the docker command gets too, for credential helpers'),
    writable: list(z.string().startsWith('/'))
      .default(['/tmp'])
      .describe('folders of the image that the API, or a step with an image, may write; everything else is read only'),
    secretKeyFile: z.string().default('').describe('file with DJANGO_SECRET_KEY for the API container'),
    memoryMb: z
      .number()
      .int()
      .min(64)
      .default(2048)
      .meta({ unit: 'MiB', description: 'memory limit of an API container' }),
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
    ...MonitoringOptions.shape,
    currentRows: z
      .number()
      .int()
      .min(1)
      .default(1000)
      .describe('the current window is the newest rows, this many, at most half of the log'),
    referenceRows: z
      .number()
      .int()
      .min(1)
      .default(5000)
      .describe('the reference window is the rows before those, this many at most'),
    currentHours: z
      .number()
      .positive()
      .optional()
      .meta({ unit: 'hours', description: 'the current window by time instead' }),
    referenceHours: z
      .number()
      .positive()
      .optional()
      .meta({ unit: 'hours', description: 'the reference window by time instead, counted back from the current one' }),
    columns: list(z.string()).optional().describe('features that are compared; absent: all of them'),
    method: z.string().default('').describe('test or distance, as Evidently names it; empty: its own choice'),
    threshold: z.number().positive().optional().describe('threshold of that method; absent: its own'),
    driftShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.3)
      .describe('the data set counts as drifted from this share of drifted features on'),
    labels: z.string().default('').describe('CSV or Parquet with event_id and the outcome, once known; empty: none'),
    labelColumn: z.string().default('label').describe('column of the outcome, in that file or in the log itself'),
    columnNames: ColumnNames.prefault({}),
    outDir: z
      .string()
      .default('reports/monitoring')
      .describe('where the latest report lies, relative to mediwatch.yaml'),
  }),
  driftGate: DriftGate.prefault({}),
  steward: StewardSettings.prefault({}),
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
    maxBodyKb: z
      .number()
      .int()
      .min(1)
      .max(16_384)
      .default(1024)
      .meta({ unit: 'KiB', description: 'largest body that is read' }),
    url: z
      .string()
      .default('')
      .describe('where alerts are sent with "mediwatch alert --webhook"; empty: the embedded one'),
  }),
  worker: section({
    roles: list(z.enum(WORKER_ROLES))
      .default([...WORKER_ROLES])
      .describe('which task queues this worker serves'),
    slots: z
      .number()
      .int()
      .min(1)
      .max(256)
      .default(availableParallelism())
      .meta({ defaultName: 'its cores', description: 'training steps that run at once on this host' }),
    memoryLimitMb: z
      .number()
      .int()
      .min(100)
      .default(4096)
      .meta({ unit: 'MiB', description: 'a step process that grows past this is replaced and its step retried' }),
    gpus: GpuSetting.default('auto').describe(
      'GPUs of this host for steps that ask for some: how many, a list of ids as in CUDA_VISIBLE_DEVICES, or auto: those of its own CUDA_VISIBLE_DEVICES, else those that nvidia-smi names',
    ),
    stopGrace: seconds(10, 'how long running steps may go on after the worker was asked to stop'),
    applySchedules: z
      .boolean()
      .default(true)
      .describe('bring the schedules of Temporal in line with this file when it starts'),
    python: z.string().default('').describe("Python of the steps; empty: the package's own venv"),
    metricsAddress: z.string().default('').describe('host:port for Prometheus metrics of the SDK; empty: off'),
  }),
  temporal: section({
    address: z.string().default('').describe('host:port of the Temporal frontend; empty: the embedded server'),
    namespace: z.string().default('default').describe('Temporal namespace'),
    apiKey: z.string().default('').describe('API key of Temporal Cloud; turns TLS on (set it in the environment)'),
    tls: z.boolean().default(false).describe('connect with TLS; on as well with a key, or with certificates'),
    profile: z
      .string()
      .default('')
      .describe("profile of Temporal's own configuration file that fills what is not set here; empty: none"),
    encryptionKeys: list(z.string())
      .default([])
      .describe('files with keys that encrypt what Temporal stores: the first one writes, all of them read'),
    encrypt: z
      .boolean()
      .default(true)
      .describe('false: what is encrypted is still read, and nothing more is encrypted'),
    codecTokenFile: z
      .string()
      .default('')
      .describe('file with a bearer token for the codec server; empty: it answers the user who runs it alone'),
    uiUrl: z.string().default('').describe('base URL of the Temporal UI for links; empty: the embedded one'),
  }),
  mlflow: section({
    uri: z.string().default('').describe('MLflow tracking server; empty: the embedded one'),
    uiUrl: z.string().default('').describe('base URL of its UI for links, as people reach it; empty: mlflow.uri'),
    experiment: z.string().default('mediwatch').describe('experiment of the runs'),
    caFile: z
      .string()
      .default('')
      .describe(
        "certificates of the authority that signs MLflow's own, for us, the steps and the API; empty: those that REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE names, or the known ones, and those in NODE_EXTRA_CA_CERTS",
      ),
    clientCertFile: z
      .string()
      .default('')
      .describe('our own certificate and its key (PEM), for a server that asks for one; empty: none'),
    insecureTls: z
      .boolean()
      .default(false)
      .describe("take any certificate for MLflow's: whoever is on the way reads the login"),
    timeout: seconds(30, 'time limit of one request, for us, the steps and the API'),
    token: z.string().default('').describe('bearer token (set it in the environment)'),
    username: z.string().default('').describe('basic-auth user (set it in the environment)'),
    password: z.string().default('').describe('basic-auth password (set it in the environment)'),
  }),
  artifacts: section({
    store: z
      .string()
      .default('mlflow')
      .describe(
        "where data sets live: 'mlflow' (the server's artifact proxy) or a folder that every host mounts, with the same user on each",
      ),
    keyFile: z
      .string()
      .default('')
      .describe(
        'file with the secret that shows which data sets these workers have prepared, the same on each host; empty: one is made in stack.dir',
      ),
    cacheLimitGb: z
      .number()
      .positive()
      .default(20)
      .meta({ unit: 'GiB', description: "size of a worker's own copies, above which the least recently used ones go" }),
  }),
  logs: section({
    ship: z
      .boolean()
      .default(true)
      .describe('copy the logs of steps to the artifact store, where "mediwatch logs" reads them'),
    hide: z
      .array(z.string().refine(isPattern, 'Expected a regular expression'))
      .default([])
      .describe(
        'regular expressions of what is hidden besides secrets, such as "NHS-[0-9]+": in logs, failures, messages and terminals',
      ),
    keepDays: z.number().min(0).default(30).meta({
      unit: 'days',
      description: 'how long logs of steps are kept, in the store and on the workers; 0: forever',
    }),
  }),
  stack: section({
    dir: z.string().default('.mediwatch').describe('state of the embedded stack, relative to mediwatch.yaml'),
    bind: z
      .string()
      .default('127.0.0.1')
      .describe('address on which gateway and webhook listen; others listen on loopback'),
    apiAdminPort: z
      .number()
      .int()
      .min(1)
      .max(65535)
      .optional()
      .describe(
        "port on which the gateway's admin API listens, too, for deployment workers on other hosts, who need its token; absent: none",
      ),
    adminHosts: list(z.string())
      .default(['127.0.0.1', 'localhost', '[::1]'])
      .describe('host names by which that port may be called'),
    adminCertFile: z.string().default('').describe('TLS certificate of that port (PEM); empty: plain HTTP'),
    adminKeyFile: z.string().default('').describe('key of that certificate (PEM)'),
    adminTokenInClear: z
      .boolean()
      .default(false)
      .describe(
        'let that port listen beyond loopback without TLS: whoever reads that network learns the token, and can move the traffic',
      ),
    temporalPort: port(7233, 'port of the embedded Temporal server'),
    temporalUiPort: port(8233, 'port of its UI'),
    mlflowPort: port(5000, 'port of the embedded MLflow'),
    apiPort: port(8000, 'port of the model API'),
    webhookPort: port(8002, 'port of the webhook for drift alerts'),
    codecPort: port(8003, 'port of the codec server, with which the Temporal UI reads what is encrypted'),
  }),
  extraSteps: z.array(ExtraStep).default([]).describe('commands of the project before or after stages of a retrain'),
  models: z
    .record(z.string().min(1), z.record(z.string(), z.unknown()))
    .default({})
    .describe(
      'more than one model: by registered name, the sections in which it differs; absent: registry.registeredModel alone',
    ),
  schedules: Schedules.default({}).describe('what is started when, by name'),
  notifications: z.array(NotificationTarget).default([]).describe('who is notified of what'),
});

/** The settings as the rest of the program reads them. */
export type Config = Omit<z.infer<typeof ConfigSchema>, 'models'> & {
  /** Folder of `mediwatch.yaml`: relative paths in it start here. */
  root: string;
  /** Of the text of `mediwatch.yaml`; empty without one. */
  digest: string;
  /** The settings of each model by its registered name: what `models` says laid over the rest. */
  models: Readonly<Record<string, Config>>;
  /** Values of the variables that `notifications` names, as far as they are set. */
  secrets: Readonly<Record<string, string>>;
  /** What Temporal's own variables and configuration file say of the connection, certificates above all. */
  profile: ClientConfigProfile;
  /** What variables say of proxies and certificates. */
  network: Network;
};
