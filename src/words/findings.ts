import { FAILURES, type FailureType } from '../contracts/errors.ts';
import type { Path } from '../contracts/schemas.ts';
import type { Suspicion } from '../contracts/verdicts.ts';
import { counted } from './numbers.ts';
import { joined, quoted } from './suggest.ts';
import { suspicionText } from './verdicts.ts';

/** `problem`: it does not work; `warning`: it will not for long, or less than it should; `skipped`: not checked. */
export type Severity = 'ok' | 'warning' | 'problem' | 'skipped';

interface Meaning<Facts extends object> {
  severity: Severity;
  text(facts: Facts): string;
  /** The command or the setting that helps. */
  remedy(facts: Facts): string | undefined;
}

type Text<Facts extends object> = string | ((facts: Facts) => string);

function meaning<Facts extends object>(severity: Severity, text: Text<Facts>, remedy?: Text<Facts>): Meaning<Facts> {
  return {
    severity,
    text: (facts) => (typeof text === 'string' ? text : text(facts)),
    remedy: (facts) => (typeof remedy === 'function' ? remedy(facts) : remedy),
  };
}

const ok = <Facts extends object>(text: Text<Facts>) => meaning('ok', text);
const skipped = <Facts extends object>(text: Text<Facts>) => meaning('skipped', text);
const warning = <Facts extends object>(text: Text<Facts>, remedy?: Text<Facts>) => meaning('warning', text, remedy);
const problem = <Facts extends object>(text: Text<Facts>, remedy?: Text<Facts>) => meaning('problem', text, remedy);

interface Refused {
  message: string;
  type: FailureType;
}
interface Model {
  registeredModel: string;
}
interface ModelFile extends Model {
  version: string;
  file: string;
}
interface Server {
  version: string;
  address: string;
  namespace: string;
}
interface Queue {
  queue: string;
  /** Of the workers that serve it. */
  role: 'orchestration' | 'training' | 'deployment';
  /** Tasks that wait. */
  backlog: number;
}
interface UnservedQueue extends Queue {
  /** How long ago a worker asked for work; null: not within the five minutes that Temporal remembers. */
  lastAskedMs: number | null;
}
interface Disagreement {
  /** Whether `--fix-aliases` can tell which version is meant. */
  fixable: boolean;
}
interface Login {
  username: string;
  source: string;
}

const versionOrNone = (version: string | null) => (version === null ? 'not set' : `version ${version}`);
const days = (count: number) => counted(Number(count.toPrecision(2)), 'day');
const kib = (bytes: number) => Math.round(bytes / 2 ** 10);
const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
const reconcile = ({ fixable }: Disagreement) =>
  fixable ? 'mediwatch doctor --fix-aliases' : 'mediwatch promote VERSION, or set them in MLflow';
const predict = ({ apiUrl }: { apiUrl: string }) =>
  `POST records to ${apiUrl}/predict, such as the example that ${apiUrl}/schema gives`;
const space = ({ folder, freeBytes }: { folder: string; freeBytes: number }) =>
  `${gib(freeBytes)} GiB free where ${folder} lies`;
const makeSpace = ({ folder }: { folder: string }) =>
  `see what is large (du -xh ${folder} | sort -h | tail), docker system prune, or move it with stack.dir`;
const modelFile = ({ registeredModel, version }: Omit<ModelFile, 'file'>) => `version ${version} of ${registeredModel}`;
const OTHER_VERSION = 'mediwatch rollback, or register a new version: mediwatch retrain --follow';
const waiting = ({ backlog }: Queue) => (backlog > 0 ? `, ${counted(backlog, 'task')} waiting` : '');
const asked = ({ lastAskedMs }: UnservedQueue) =>
  lastAskedMs === null
    ? 'no worker has asked for work in the last five minutes'
    : `its worker last asked for work ${Math.round(lastAskedMs / 1000)} s ago`;
const startWorker = ({ role }: Queue) =>
  `start one: MEDIWATCH_WORKER_ROLES=${role} npm run worker (with everything else: npm start)`;
const BLOCKED = { orchestration: 'all workflows', training: 'retrains', deployment: 'redeployments' };
const from = (login: Login | null) => (login ? ` from ${login.username} (${login.source})` : '');
const loginAgain = ({ host }: { host: string }) => `correct it, or docker login ${host}`;
const REDEPLOY = 'mediwatch redeploy';
const CORRECT_SCHEDULES = 'correct the section schedules of mediwatch.yaml, and: mediwatch schedules apply';
const FIX_SCHEMA = 'mediwatch redeploy; if it stays, log the model with a signature';

const UNCHECKED = {
  temporal: 'Temporal does not answer',
  namespace: 'Temporal does not describe its namespace',
  mlflow: 'MLflow does not answer',
  production: 'no version is in Production',
};

/** Everything that `check`, `doctor` and a redeploy's preflight can find: how bad it is, what it means, what helps. */
const MEANINGS = {
  // The checks themselves.
  checkTimedOut: problem(
    ({ seconds }: { seconds: number }) => `no result within ${seconds} s`,
    'see whether the machine, its disks or its network hang',
  ),
  checkFailed: problem(
    ({ reason }: { reason: string }) => `the check itself failed: ${reason}`,
    'run "mediwatch doctor" again, and report it if it stays',
  ),
  notChecked: skipped(({ without }: { without: keyof typeof UNCHECKED }) => `not checked: ${UNCHECKED[without]}`),

  // Temporal.
  temporalAnswers: ok(
    ({ version, address, namespace, retentionDays }: Server & { retentionDays: number }) =>
      `server ${version || 'of unknown version'} at ${address}, namespace "${namespace}", which keeps what has ended for ${days(retentionDays)}`,
  ),
  retentionShort: warning(
    ({ retentionDays }: { retentionDays: number; namespace: string; address: string }) =>
      `the namespace keeps what has ended for ${days(retentionDays)} only: history, logs by workflow and resets reach back no further`,
    ({ namespace, address }) =>
      `temporal operator namespace update --namespace ${namespace} --address ${address} --retention 30d (on Temporal Cloud: its settings)`,
  ),
  updatesRefused: problem(
    'the namespace takes no updates: nobody can approve, and retrainNow is refused',
    'use a Temporal server from 1.25 on, with system.enableUpdateWorkflowExecution left on',
  ),
  payloadsLimited: warning(
    ({ payloadBytes, neededBytes }: { payloadBytes: number; neededBytes: number }) =>
      `the namespace takes payloads up to ${kib(payloadBytes)} KiB; a long search may need ${kib(neededBytes)}`,
    'raise limit.blobSize.error of the server, or search with fewer trials',
  ),
  temporalAway: problem(
    ({ address, reason }: { address: string; reason: string }) => `it does not answer at ${address} (${reason})`,
    'npm start, or name yours in temporal.address of mediwatch.yaml or in TEMPORAL_ADDRESS',
  ),
  namespaceMissing: problem(
    ({ version, address, namespace }: Server) =>
      `server ${version || 'of unknown version'} at ${address} has no namespace "${namespace}"`,
    ({ namespace, address }) =>
      `temporal operator namespace create --namespace ${namespace} --address ${address}, or correct temporal.namespace`,
  ),
  queueServed: ok(
    (queue: Queue & { workers: number }) => `${queue.queue}: ${counted(queue.workers, 'worker')}${waiting(queue)}`,
  ),
  queueBusyOrUnserved: warning(
    (queue: UnservedQueue) =>
      `${queue.queue}: ${asked(queue)}; it is gone, or all of its slots are taken${waiting(queue)}`,
    startWorker,
  ),
  queueUnserved: problem(
    (queue: UnservedQueue) => `${queue.queue}: ${asked(queue)}${waiting(queue)}; ${BLOCKED[queue.role]} wait forever`,
    startWorker,
  ),
  searchAttributesRegistered: ok(({ count }: { count: number }) => `all ${count} are registered`),
  searchAttributesMissing: warning(
    ({ missing }: { missing: ReadonlyArray<{ name: string; type: string }>; namespace: string; address: string }) =>
      `${joined(
        missing.map(({ name }) => name),
        'and',
      )} are not registered: workflows run, but cannot be found by them in the UI`,
    ({ missing, namespace, address }) => {
      const flags = missing.map(({ name, type }) => `--name ${name} --type ${type}`).join(' ');
      const server = `--namespace ${namespace} --address ${address}`;
      return `start a worker, which registers them, or: temporal operator search-attribute create ${flags} ${server}`;
    },
  ),
  noSchedules: ok('none is declared in mediwatch.yaml'),
  schedulesAsDeclared: ok(
    ({ names }: { names: readonly string[] }) =>
      `${counted(names.length, 'schedule')} as declared: ${joined(names, 'and')}`,
  ),
  schedulesWrong: problem(({ message }: { message: string }) => message.replace(/\s*\n\s*/g, ' '), CORRECT_SCHEDULES),
  scheduleMissing: warning(
    ({ name }: { name: string }) => `${name} is declared, but not in Temporal: it starts nothing`,
    'mediwatch schedules apply',
  ),
  scheduleForeign: problem(
    ({ name }: { name: string }) => `${name} in Temporal was not made by MediWatch: the declared one starts nothing`,
    'rename it in the section schedules of mediwatch.yaml, and apply',
  ),
  scheduleUndeclared: warning(
    ({ name }: { name: string }) => `${name} is no longer declared, and goes on`,
    'mediwatch schedules apply --prune',
  ),
  schedulePaused: warning(
    ({ name }: { name: string }) => `${name} was paused by hand: it starts nothing`,
    ({ name }) => `mediwatch schedules resume ${name}`,
  ),
  scheduleChangedByHand: warning(
    ({ name, fields }: { name: string; fields: readonly string[] }) =>
      `${name} was changed by hand (${joined(fields, 'and')})`,
    'mediwatch schedules apply --overwrite',
  ),
  scheduleOutdated: warning(
    ({ name, fields }: { name: string; fields: readonly string[] }) =>
      `${name} in Temporal is not as declared now (${joined(fields, 'and')})`,
    'mediwatch schedules apply',
  ),
  scheduleSkips: warning(
    ({ name, times, timeZone }: { name: string; times: readonly string[]; timeZone: string }) =>
      `${name} starts nothing at ${joined(times, 'and')}: ${timeZone} puts its clocks forward then`,
    'choose a time that every day has, or the time zone UTC',
  ),

  // MLflow and its registry.
  mlflowAnswers: ok(({ version, uri }: { version: string; uri: string }) => `version ${version} at ${uri}`),
  mlflowOld: warning(
    ({ version, uri, oldest }: { version: string; uri: string; oldest: string }) =>
      `version ${version} at ${uri} is older than ${oldest}, the oldest that this was tried with`,
    'install a newer MLflow where the server runs, then: mlflow db upgrade DATABASE',
  ),
  mlflowAway: problem(
    ({ message }: { message: string }) => message,
    'npm start, or name yours in mlflow.uri of mediwatch.yaml or in MLFLOW_TRACKING_URI',
  ),
  mlflowRefuses: problem(
    ({ message }: Refused) => message,
    ({ type }) => (type === 'MlflowUnavailable' ? 'read the log of MLflow, and check mlflow.uri' : FAILURES[type].next),
  ),
  mlflowTakesClients: ok('steps and API get through, too'),
  mlflowClientsUnknown: problem(
    ({ python }: { python: string }) => `${python} did not say whether steps and API get through`,
    'see whether it starts, and worker.python',
  ),
  mlflowRefusesClient: problem(
    ({ client, message }: Refused & { client: 'steps' | 'api' }) =>
      `${client === 'steps' ? 'the MLflow client of steps' : 'the bundled API'} does not get through: ${message}`,
    ({ type }) => FAILURES[type].next,
  ),
  mlflowWithoutStages: problem(
    ({ reason }: { reason: string }) => `it does not answer by stage, as the API asks for its model: ${reason}`,
    'use an MLflow that has stages (2.13 up to 3.x)',
  ),
  mlflowAddressInvalid: problem(
    ({ uri }: { uri: string }) => `docker.mlflowUri is not an address: "${uri}"`,
    'correct docker.mlflowUri',
  ),
  mlflowRefusesContainers: problem(
    ({ host }: { host: string }) => `it refuses the API's containers, which call it ${host} (docker.mlflowUri)`,
    ({ host }) => `start MLflow with --allowed-hosts "${host},…"`,
  ),
  mlflowTakesContainers: ok(({ host }: { host: string }) => `takes ${host} as its name, by which containers reach it`),
  productionVersion: ok(
    ({
      version,
      versions,
      registeredModel,
      byAlias,
    }: Model & { version: string; versions: number; byAlias: boolean }) =>
      `version ${version} of ${counted(versions, 'version')} of ${registeredModel}${byAlias ? ', by the alias champion: no version has the stage Production' : ''}`,
  ),
  noVersions: problem(
    ({ registeredModel }: Model) => `${registeredModel} has no version yet: the API has nothing to load`,
    'mediwatch retrain --follow',
  ),
  nothingInProduction: problem(
    ({ registeredModel, versions }: Model & { versions: number; newest: string }) =>
      `none of ${counted(versions, 'version')} of ${registeredModel} is in Production: the API has nothing to load`,
    ({ newest }) => `mediwatch promote ${newest}`,
  ),
  severalInProduction: problem(
    ({ versions }: { versions: readonly string[] }) =>
      `versions ${joined(versions, 'and')} are in Production; the API loads the newest of them`,
    'mediwatch doctor --fix-aliases, or in MLflow archive all but the one that is to serve',
  ),
  aliasesAgree: ok(
    ({ champion, previous }: { champion: string | null; previous: string | null }) =>
      `champion: ${champion ?? 'none'}, previous: ${previous ?? 'none'}`,
  ),
  championNotInProduction: problem(
    ({ champion }: Disagreement & { champion: string }) =>
      `champion is version ${champion}, which is archived, and nothing is in Production`,
    reconcile,
  ),
  championAmongSeveral: problem(
    ({ production, champion }: Disagreement & { production: readonly string[]; champion: string | null }) =>
      `versions ${production.join(', ')} are in Production, and champion is ${versionOrNone(champion)}`,
    reconcile,
  ),
  championElsewhere: problem(
    ({ production, champion }: Disagreement & { production: string; champion: string | null }) =>
      `version ${production} is in Production, but champion is ${versionOrNone(champion)}`,
    reconcile,
  ),
  previousAmongSeveral: problem(
    ({ staging, previous }: Disagreement & { staging: readonly string[]; previous: string | null }) =>
      `previous is ${versionOrNone(previous)}, and versions ${staging.join(', ')} are in Staging`,
    reconcile,
  ),
  previousElsewhere: problem(
    ({ staging, previous }: Disagreement & { staging: string; previous: string | null }) =>
      `version ${staging} is in Staging, but previous is ${versionOrNone(previous)}`,
    reconcile,
  ),
  previousNotInStaging: problem(
    ({ previous, registryStage }: Disagreement & { previous: string; registryStage: string | null }) =>
      `previous is version ${previous}, which is in ${registryStage ?? 'no stage'}, not in Staging`,
    reconcile,
  ),
  aliasesFixed: ok(
    ({ changes }: { changes: readonly AliasChange[] }) => `reconciled: ${changes.map(changeText).join('; ')}`,
  ),
  aliasesAgreedAlready: ok('stages and aliases agree already'),
  aliasesLocked: problem(
    ({ holder }: { holder: string }) => `stages and aliases were left as they are: ${holder} is changing Production`,
    'try again when it is over',
  ),
  aliasesUndecided: problem(
    'stages and aliases were left as they are: only a person can say which version is meant',
    'set it in MLflow, or promote one',
  ),
  aliasesNotFixed: problem(
    ({ without, reason }: { without: 'temporal' | 'mlflow'; reason: string }) =>
      `stages and aliases were left as they are: ${
        without === 'temporal'
          ? `Temporal does not answer (${reason}), so it is not known whether a workflow changes Production`
          : reason
      }`,
  ),
  modelFileAvailable: ok(
    (facts: ModelFile & { digest: string | null }) =>
      `${modelFile(facts)}: ${facts.file} can be downloaded; ${facts.digest === null ? 'no digest of its files was recorded' : 'its files are those that were registered'}`,
  ),
  modelFilesChanged: problem(
    ({ files, ...facts }: Omit<ModelFile, 'file'> & { files: string[] }) =>
      `${modelFile(facts)} is not what was registered: ${files.length > 0 ? files.slice(0, 5).join(', ') : 'one of its files'} changed`,
    `find out who wrote to the artifact store; ${OTHER_VERSION}`,
  ),
  modelUntrusted: problem(
    ({ digest, ...facts }: Omit<ModelFile, 'file'> & { digest: string | null }) =>
      `${modelFile(facts)} is not trusted: ${digest === null ? 'no digest of its files is known' : `its digest ${digest} is not listed`}`,
    'add its digest to the file in registry.trustedDigests if you trust it',
  ),
  modelNotReady: problem(
    (facts: Omit<ModelFile, 'file'> & { status: string; statusMessage: string }) =>
      `${modelFile(facts)} is not ready (${[facts.status, facts.statusMessage].filter(Boolean).join(' ')})`,
    OTHER_VERSION,
  ),
  modelUndescribed: problem(
    (facts: Omit<ModelFile, 'file'>) => `${modelFile(facts)}: its MLmodel file describes no model`,
    OTHER_VERSION,
  ),
  modelFileMissing: problem(
    (facts: ModelFile & { reason: string }) =>
      `${modelFile(facts)}: its file ${facts.file} cannot be downloaded (${facts.reason})`,
    OTHER_VERSION,
  ),
  versionUnknown: problem(
    ({ registeredModel, version, uri }: Model & { version: string; uri: string }) =>
      `${registeredModel} has no version ${version} at ${uri}`,
    'name one that "mediwatch status" lists',
  ),

  // The gateway and the API.
  gatewayAnswers: ok(
    ({ adminUrl, version }: { adminUrl: string; version: string | null }) =>
      `at ${adminUrl}, ${version ? `sends requests to version ${version}` : 'without a version to serve'}`,
  ),
  gatewayAway: problem(
    ({ reason }: { adminUrl: string; reason: string }) => `no redeploy is possible: ${reason}`,
    ({ adminUrl }) => `npm start, or correct deployment.adminUrl (${adminUrl})`,
  ),
  apiServes: ok(
    ({ version, registeredModel }: Model & { version: string }) =>
      `serves version ${version} of ${registeredModel}, which is in Production`,
  ),
  apiAway: problem(
    ({ url, reason }: { url: string; reason: string }) => `it does not answer at ${url} (${reason})`,
    'npm start, or correct deployment.apiUrl',
  ),
  notTheApi: problem(
    ({ status, path }: { status: number; path: string }) =>
      `${path} answers ${status} with something that is not the API's`,
    'check deployment.apiUrl; deployment.contract says where an API of your own has its version',
  ),
  apiWithoutModel: problem(
    ({
      status,
      path,
      reason,
    }: {
      status: number;
      path: string;
      reason: string | null;
      source: 'mlflow' | 'local';
      version: string | null;
    }) => `it has no model: ${reason ?? (status === 200 ? `${path} names no version` : `${path} answers ${status}`)}`,
    ({ source, version }) => {
      if (source === 'local') return REDEPLOY;
      return version === null
        ? 'put a version into Production: mediwatch promote'
        : `${REDEPLOY}, once the reason is removed`;
    },
  ),
  apiMisconfigured: problem(
    ({ variable, is, should }: { variable: string; is: string; should: string }) =>
      `its ${variable} is "${is}", but should be "${should}"`,
    ({ variable }) => `${REDEPLOY}, which sets ${variable}`,
  ),
  apiServesUnknown: warning(
    ({ version }: { version: string }) => `it serves version ${version}, but Production is empty or unknown`,
    'mediwatch status',
  ),
  apiServesOther: problem(
    ({ version, production }: { version: string; production: string }) =>
      `it serves version ${version}, but version ${production} is in Production`,
    REDEPLOY,
  ),
  schemaDescribed: ok(
    ({ features, path }: { features: number; path: string }) => `${path} names ${counted(features, 'feature')}`,
  ),
  schemaWrong: problem(
    ({ status, path }: { status: number; path: string }) =>
      `${path} answers ${status}${status === 200 ? ' without features' : ''}`,
    FIX_SCHEMA,
  ),
  schemaAway: problem(({ reason, path }: { reason: string; path: string }) => `${path}: ${reason}`, FIX_SCHEMA),
  schemaNotThere: skipped('not checked: what it reads, as it has no path that describes its features'),
  staticPathsServed: ok(({ count }: { count: number }) => `${counted(count, 'path')} of deployment.staticPaths: 200`),
  staticPathMissing: problem(
    ({ url }: { url: string }) => `${url}: 404, the static files were not collected into the image`,
    'collect them in the Dockerfile (RUN python manage.py collectstatic --noinput), build the image, mediwatch redeploy',
  ),
  staticPathWrong: problem(
    ({ url, status }: { url: string; status: number }) => `${url}: ${status} in place of 200`,
    'read the log of the API, and check deployment.staticPaths',
  ),
  staticPathUnchecked: skipped(({ url }: { url: string }) => `not checked: the API does not answer at ${url}`),
  targetAnswers: ok(({ version }: { version: string | null }) =>
    version ? `version ${version} serves now` : 'nothing serves now',
  ),
  targetAway: problem(
    ({ message }: { message: string; adminUrl: string }) => message,
    ({ adminUrl }) => `start the gateway, or correct deployment.adminUrl (${adminUrl})`,
  ),

  // The prediction log and the data.
  predictionsLogged: ok(
    ({ rows, atLeast, path }: { rows: number; atLeast: boolean; path: string }) =>
      `${atLeast ? 'more than ' : ''}${counted(rows, 'row')} in ${path}`,
  ),
  predictionFilesThere: ok(
    ({ files, path }: { files: number; path: string }) => `${counted(files, 'file')} of ${path}`,
  ),
  noPredictions: warning(
    ({ missing, folder }: { missing: 'folder' | 'file' | 'rows'; folder: string; apiUrl: string }) => {
      const where = {
        folder: `the first one makes ${folder}`,
        file: `${folder} holds no predictions.csv`,
        rows: `${folder}/predictions.csv has no rows`,
      };
      return `no prediction was made yet: ${where[missing]}`;
    },
    predict,
  ),
  logNotKept: skipped(
    'not checked: the API keeps no prediction log here; drift checks need one that monitoring.log names',
  ),
  logNotMounted: problem(
    ({ folder }: { folder: string }) =>
      `its folder ${folder} is not there, so it is not mounted into the API's container`,
    ({ folder }) => `mkdir -p ${folder}, then mediwatch redeploy, which mounts it as PRED_LOG_DIR`,
  ),
  logUnreadable: problem(
    ({ folder, reason }: { folder: string; reason: string | null }) =>
      `${folder}/predictions.csv cannot be read: ${reason ?? 'it is not a file'}`,
    ({ folder }) => `ls -l ${folder}, and let this user read it`,
  ),
  notAPredictionLog: problem(
    ({ folder, missing }: { folder: string; missing: readonly string[] }) =>
      `${folder}/predictions.csv lacks the columns ${joined(missing, 'and')}: it is not a prediction log`,
    'move it away; the next prediction begins a new one',
  ),
  tooFewPredictions: warning(
    ({ rows, minRows }: { rows: number; minRows: number; apiUrl: string }) =>
      `too few rows (${rows} of ${minRows}) for a drift report`,
    predict,
  ),
  ownLogMissing: problem(
    ({ path }: { path: string }) => `${path} names no CSV or Parquet file, so drift cannot be measured`,
    'correct monitoring.log',
  ),
  ownLogShort: warning(
    ({ path, rows, minRows }: { path: string; rows: number; minRows: number }) =>
      `too few rows (${rows} of ${minRows}) for a drift report in ${path}`,
    'wait for more predictions',
  ),
  dataThere: ok(({ path }: { path: string }) => `${path} is there`),
  dataFits: ok(
    ({ path, columns, target }: { path: string; columns: number; target: string }) =>
      `${path}: ${counted(columns, 'column')}, with the target "${target}"`,
  ),
  dataRead: ok(
    ({ rows, features, isSample }: { rows: number | null; features: number | null; isSample: boolean }) =>
      `${isSample ? 'a sample of ' : ''}${counted(rows ?? 0, 'row')} can be prepared${features === null ? '' : `: ${counted(features, 'feature')}`}`,
  ),
  dataRefused: problem(
    ({ message }: { message: string }) => message.replace(/\.$/, ''),
    'correct the file, or the section data of mediwatch.yaml',
  ),
  sampleRefused: warning(
    ({ message }: { message: string }) =>
      `a sample of its rows is refused, and all of them were not read in time: ${message.replace(/\.$/, '')}`,
    'see what "mediwatch try --rows 0" says',
  ),
  dataNotRead: skipped('not checked: its values, which were not read in time; "mediwatch try" reads them'),
  dataMissing: problem(
    ({ path, isFile }: { path: string; isFile: boolean }) => `there is no ${isFile ? 'file ' : ''}${path}`,
    'set data.path in mediwatch.yaml, or MEDIWATCH_DATA_PATH, to a CSV file',
  ),
  dataNotAFile: problem(
    ({ path }: { path: string }) => `${path} is not a file`,
    'set data.path in mediwatch.yaml, or MEDIWATCH_DATA_PATH, to a CSV file',
  ),
  dataUnreadable: problem(
    ({ path, reason }: { path: string; reason: string }) => `${path} cannot be read: ${reason}`,
    'set data.path in mediwatch.yaml, or MEDIWATCH_DATA_PATH, to a CSV file',
  ),
  dataWithoutColumns: problem(
    ({ path }: { path: string }) => `${path} is not a CSV file with columns`,
    'set data.path to one',
  ),
  columnMissing: problem(
    ({ path, column, setting }: { path: string; column: string; setting: 'data.target' | 'data.group' }) =>
      `${path} has no column "${column}" (${setting === 'data.target' ? 'the target' : 'the group of the split'})`,
    ({ setting }) => `correct ${setting} in mediwatch.yaml, or the file`,
  ),
  columnUnknown: warning(
    ({ path, column, list, meant }: { path: string; column: string; list: string; meant: readonly string[] }) =>
      `${path} has no column "${column}" (data.${list})${meant.length > 0 ? `; did you mean ${quoted(meant, 'or')}?` : ''}`,
    ({ list }) => `correct data.${list} in mediwatch.yaml: the name does nothing`,
  ),
  directionDoubtful: warning(
    ({ metric, suspicion, setting }: { metric: string; suspicion: Suspicion; setting: string }) =>
      suspicionText(suspicion, metric, setting),
  ),

  // Docker and image registries.
  dockerAnswers: ok(
    ({ version, platform }: { version: string; platform: string }) => `daemon ${version} on ${platform}`,
  ),
  dockerAway: problem(
    ({ reason }: { reason: string }) => `its daemon does not answer (${reason})`,
    'start it (systemctl start docker), let this user into the group "docker", or set DOCKER_HOST',
  ),
  imageHere: ok(({ image, id }: { image: string; id: string }) => `image ${image} is here (${id})`),
  imageNotBuilt: warning(
    ({ image }: { image: string }) => `image ${image} was not built here yet`,
    'mediwatch redeploy, which builds it',
  ),
  imageNotHere: warning(
    ({ image }: { image: string }) => `image ${image} is not on this machine; a redeploy pulls it`,
    ({ image }) => `docker pull ${image}, or mediwatch build`,
  ),
  bakedDockerfile: ok(({ path }: { path: string }) => `${path} builds the image`),
  bakedDockerfileMissing: problem(
    ({ path }: { path: string }) => `there is no ${path}`,
    'correct docker.bakedDockerfile or docker.context',
  ),
  bakedModel: ok(({ path, bytes }: { path: string; bytes: number }) => `${path}, ${(bytes / 2 ** 20).toFixed(1)} MiB`),
  bakedModelMissing: warning(
    ({ path }: { path: string }) => `the model file ${path} is missing`,
    'mediwatch redeploy, which fetches it from MLflow',
  ),
  bakedModelInvalid: problem(
    ({ path }: { path: string }) => `${path} is not a model file`,
    'remove it, and mediwatch redeploy',
  ),
  pushAllowed: ok(
    ({ host, name, login }: { host: string; name: string; login: Login | null }) =>
      `${host} takes pushes to ${name}${from(login)}`,
  ),
  registryAway: problem(
    ({ reason }: { reason: string }) => `it does not answer (${reason})`,
    'check docker.image and the network, or docker.push: false',
  ),
  notARegistry: problem(
    ({ host, status }: { host: string; status: number }) => `${host} is not an image registry (/v2/ answers ${status})`,
    'correct docker.image',
  ),
  loginMissing: problem(
    ({ host }: { host: string }) => `${host} wants a login, and there is none`,
    ({ host }) => `docker login ${host}`,
  ),
  pushRefused: problem(
    ({ host, name, login, status }: { host: string; name: string; login: Login; status: number }) =>
      `${host} refuses ${login.username} (${login.source}) a push to ${name} (status ${status})`,
    ({ host }) => `docker login ${host} with a token that may write packages (at GitHub: scope write:packages)`,
  ),
  loginIncomplete: problem(
    ({ has, lacks }: { host: string; has: string; lacks: string }) =>
      `docker.${has} is set, but docker.${lacks} is not`,
    loginAgain,
  ),
  passwordUnreadable: problem(
    ({ path, reason }: { host: string; path: string; reason: string | null }) =>
      `docker.passwordFile ${path} ${reason === null ? 'is empty' : `cannot be read (${reason})`}`,
    loginAgain,
  ),
  dockerConfigInvalid: problem(
    ({ path }: { host: string; path: string }) => `${path} is not Docker's configuration`,
    loginAgain,
  ),
  credentialHelperFailed: problem(
    ({ program, reason }: { host: string; program: string; reason: string }) =>
      `the credential helper ${program} gives nothing (${reason})`,
    loginAgain,
  ),

  baseImageByTag: warning(
    ({ baseImage }: { baseImage: string }) =>
      `docker.baseImage ${baseImage} names no digest: others may change what it stands for`,
    ({ baseImage }) => `docker buildx imagetools inspect ${baseImage} shows its digest; add it as @sha256:…`,
  ),

  // The machine.
  diskSpace: ok(space),
  diskSpaceLow: warning((facts: Parameters<typeof space>[0]) => `only ${space(facts)}`, makeSpace),
  diskFull: problem((facts: Parameters<typeof space>[0]) => `only ${space(facts)}`, makeSpace),
  diskUnknown: problem(
    ({ reason }: { reason: string }) => `the free space of the disk is not known: ${reason}`,
    'correct stack.dir',
  ),
  ownMachine: ok(
    ({ open }: { open: string[] }) =>
      `no password protects ${joined(open, 'and')}, but no other account can log in on this machine`,
  ),
  sharedMachine: warning(
    ({ open, accounts }: { open: string[]; accounts: string[] }) =>
      `no password protects ${joined(open, 'and')}: ${counted(accounts.length, 'other account')} of this machine (${accounts[0]}${accounts.length > 1 ? ', …' : ''}) can start workflows, read their results and change models`,
    'use servers with a login (docs/servers.md), or a machine of your own',
  ),
  stateOpen: warning(
    ({ dir }: { dir: string }) => `other accounts can read ${dir}, which holds records and models`,
    ({ dir }) => `chmod 700 ${dir}; npm start does so by itself`,
  ),
  portsFit: ok(
    ({ held, free }: { held: number; free: number }) => `${counted(held, 'port')} held by the stack, ${free} free`,
  ),
  portTaken: problem(
    ({
      port,
      part,
      holder,
    }: {
      port: number;
      part: string;
      setting: string;
      variable: string;
      holder: string | null;
    }) => `port ${port} of ${part} is taken${holder ? ` by ${holder}` : ''}, and it is not ${part} that answers there`,
    ({ setting, variable }) => `free it, or choose another one: ${setting} in mediwatch.yaml, or ${variable}`,
  ),

  // mediwatch.yaml, and what it names.
  settingWrong: problem(({ message }: { message: string }) => message),
  variableUnknown: warning(({ message }: { message: string }) => message),
  secretUnset: warning('is not set here, and notifications need it where the worker runs'),
  secretGuessable: warning(
    ({ characters }: { characters: number }) =>
      `has ${counted(characters, 'character')} and can be guessed${characters < 4 ? '; it is too short to be hidden in messages' : ''}`,
    'make one with "openssl rand -hex 32"',
  ),
  secretInFile: warning(
    'is a secret, and everybody who reads mediwatch.yaml knows it',
    'set it in a variable, or in a file of its own where there is a setting for that',
  ),
  toleranceLong: warning(
    ({ seconds }: { seconds: number }) => `an alert that somebody held back is still taken after ${seconds} s`,
    'leave webhook.tolerance at 300 s, and set the clocks of the senders',
  ),
  boundBeyondLoopback: warning(
    ({ bind }: { bind: string }) => `gateway and webhook listen on ${bind}, for other hosts too`,
    'put a reverse proxy with TLS and login before them, or leave stack.bind at 127.0.0.1',
  ),
  temporalInClear: warning(
    ({ address }: { address: string }) => `inputs and results travel unencrypted to Temporal at ${address}`,
    'turn TLS on (temporal.tls), or let nobody else into the network between',
  ),
  tokenInClear: warning(
    ({ url }: { url: string }) => `its token or password travels unencrypted to ${url}`,
    'use an address that begins with https://',
  ),
  certificateUnchecked: warning(
    ({ url }: { url: string }) => `whoever is on the way to ${url} reads its login, as no certificate is checked`,
    'name the authority of its certificate in mlflow.caFile instead',
  ),
  folderMissing: problem(({ path }: { path: string }) => `there is no folder ${path}`),
  venvMissing: problem(
    ({ folder, isFolder }: { folder: string; isFolder: boolean; venv: string }) =>
      `${folder} ${isFolder ? 'has no bin/python' : 'is not there'}`,
    ({ venv }) => `make it with "python3 -m venv ${venv}"`,
  ),
  fileMissing: problem(({ path }: { path: string }) => `there is no ${path}`),
  notExecutable: problem(
    ({ path }: { path: string }) => `${path} is not executable`,
    'chmod +x it, or name its interpreter before it',
  ),
  programMissing: problem(
    ({ program }: { program: string }) => `the program "${program}" is not on the search path`,
    'install it, or set venv, python or image',
  ),
  moduleMissing: problem(
    ({ module, folder, python }: { module: string; folder: string; python: string }) =>
      `${python} finds no module ${module}, neither in ${folder} nor among its packages`,
    'correct its name or cwd, or install it there',
  ),
  moduleNotRunnable: problem(
    ({ module }: { module: string }) => `the package ${module} cannot be run: it has no __main__.py`,
    'name one of its modules',
  ),
  appMissing: problem(({ app, folder, isModule }: { app: string; folder: string; isModule: boolean }) => {
    const [module = '', attribute = 'app'] = app.split(':');
    return isModule ? `there is no module ${module} in ${folder}` : `${module} has no "${attribute}"`;
  }, 'correct its name, or cwd'),
  importMissing: problem(
    ({ module, where, python }: { module: string; where: string; python: string }) =>
      `${where} imports ${module}, which ${python} does not find`,
    'install it there, or set venv, python or cwd to where it is',
  ),
  parameterUnfilled: problem(
    ({ name }: { name: string }) => `nothing gives a value for {params.${name}}`,
    ({ name }) => `add ${name} to search.space, or write {params.${name}=VALUE}`,
  ),
  filledNowhere: problem(
    ({ text }: { text: string }) => `"${text}" has a placeholder, and none is filled here`,
    'write the value itself; placeholders are filled in commands, env and outputs',
  ),
  fillIn: problem('FILL_IN stands for a value that is still to be filled in'),
  settingsUncommitted: warning(
    'mediwatch.yaml is not committed as it is: a worktree has another one, or none',
    'commit it',
  ),
  notACheckout: problem(
    ({ folder }: { folder: string }) => `${folder} is not a git checkout with a commit`,
    'commit it, or use "isolate: copy"',
  ),
  uncommitted: warning(
    ({ changes }: { changes: number }) =>
      `${counted(changes, 'change')} in the checkout: a worktree has only what is committed`,
  ),
  tooFewGpus: warning(
    ({ wanted, found }: { wanted: number; found: number }) =>
      `it asks for ${counted(wanted, 'GPU')}, and this machine has ${found}: it runs only on a host that has them`,
    'name them in worker.gpus, if nvidia-smi does not',
  ),
  stepImageNotHere: warning(
    ({ image }: { image: string }) => `${image} is not on this machine: the first run pulls it, if it can`,
  ),
  stepImageUnknown: warning(
    ({ image, reason }: { image: string; reason: string }) =>
      `whether ${image} is here is not known: Docker does not answer (${reason})`,
  ),
};

type AliasChange =
  | { kind: 'move'; version: string; registryStage: string; archiveExisting: boolean }
  | { kind: 'setAlias'; alias: string; version: string }
  | { kind: 'deleteAlias'; alias: string };

function changeText(change: AliasChange): string {
  if (change.kind === 'move') {
    const others = change.archiveExisting ? ', and what else was there is archived' : '';
    return `version ${change.version} to ${change.registryStage}${others}`;
  }
  return change.kind === 'setAlias' ? `${change.alias} is version ${change.version}` : `${change.alias} is removed`;
}

export type FindingCode = keyof typeof MEANINGS;
export type FactsOf<Code extends FindingCode> = Parameters<(typeof MEANINGS)[Code]['text']>[0];

interface FindingOf<Code extends FindingCode> {
  code: Code;
  facts: FactsOf<Code>;
  /** The setting that it is about, where it is one. */
  setting?: Path;
}

/** What was found, as a value. */
export type Finding = { [Code in FindingCode]: FindingOf<Code> }[FindingCode];

export function finding<Code extends FindingCode>(code: Code, facts: FactsOf<Code>, setting?: Path): FindingOf<Code> {
  return setting ? { code, facts, setting } : { code, facts };
}

export function severityOf({ code }: Finding): Severity {
  return MEANINGS[code].severity;
}

/** What a finding means and what helps, for a reader. */
export function findingText({ code, facts }: Finding): { text: string; remedy: string | null } {
  const known: Meaning<Finding['facts']> = MEANINGS[code];
  return { text: known.text(facts), remedy: known.remedy(facts) ?? null };
}

const WORST_FIRST: readonly Severity[] = ['problem', 'warning', 'ok', 'skipped'];

/** The worst of them; `skipped` when there are none. */
export function worstOf(severities: readonly Severity[]): Severity {
  return WORST_FIRST.find((severity) => severities.includes(severity)) ?? 'skipped';
}

/** The problems among findings in a few sentences, each with its remedy; empty when there are none. */
export function problemsText(findings: readonly Finding[]): string {
  const problems = findings.filter((one) => severityOf(one) === 'problem').map(findingText);
  return problems.map(({ text, remedy }) => `${sentence(text)}${remedy ? ` To fix it: ${remedy}` : ''}`).join(' ');
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);
