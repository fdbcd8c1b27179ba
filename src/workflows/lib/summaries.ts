import type { Activities } from '../../activities/index.ts';
import { paramsText } from '../../words/details.ts';

/** The UI's line for every activity, from its input: what is done, and to what. One that is missing does not compile. */
export const SUMMARIES: { [Name in keyof Activities]: (input: InputOf<Name>) => string } = {
  resolvePlan: ({ registeredModel }) => `lay the input over the settings of ${registeredModel ?? 'the default model'}`,

  openRun: ({ purpose }) => `open the MLflow run for ${purpose}`,
  closeRun: ({ status }) => `close the MLflow run as ${status.toLowerCase()}`,
  registerVersion: ({ registeredModel }) => `register a new version of ${registeredModel}, as its challenger`,
  describeVersion: ({ registeredModel, version }) =>
    `look up ${version === null ? 'the newest version' : `version ${version}`} of ${registeredModel}`,
  readRegistry: ({ registeredModel }) => `read which version of ${registeredModel} is in which stage`,
  promoteVersion: ({ version, stage }) => `move version ${version} to ${stage}`,
  restoreRegistry: ({ registeredModel }) => `put the stages and aliases of ${registeredModel} back as they were`,
  recordVerdict: ({ version, verdict }) =>
    `record that the gate ${verdict.promote ? 'passes' : 'refuses'} version ${version}`,
  recordProduction: ({ entry }) => `record that version ${entry.version} is in Production (${entry.action})`,
  markRolledBack: ({ version }) => `mark version ${version} as rolled back`,

  askForLock: ({ registeredModel, request }) => `ask for the lock of ${registeredModel} to ${request.purpose}`,
  holdsLock: ({ registeredModel }) => `is the lock of ${registeredModel} still ours?`,
  awaitWorkflowEnd: ({ workflowId }) => `watch the holder of the lock: ${workflowId}`,
  raiseAlert: ({ registeredModel }) => `tell the steward of ${registeredModel} of drift`,
  ensureSteward: ({ registeredModel }) => `start the steward of ${registeredModel} unless it runs`,
  findRetrain: ({ registeredModel }) => `is a retrain of ${registeredModel} under way?`,
  startRetrain: ({ workflowId }) => `start ${workflowId}`,
  awaitRetrain: ({ workflowId }) => `wait until ${workflowId} has ended`,
  notify: ({ event, title }) => `tell of ${event}: ${title}`,

  prepareDataset: ({ data }) => `prepare ${data}`,
  proposeTrials: ({ count }) => `propose ${count === 1 ? 'a trial' : `${count} trials`}`,
  runTrial: ({ number, params }) => `trial ${number}: ${paramsText(params)}`,
  runSearch: ({ registeredModel, trials }) =>
    `search of ${registeredModel ?? 'the model'}: ${trials} trials by one command`,
  trainModel: ({ model }) => `fit ${model} on train and validation, score the test split`,
  compareVersions: ({ challenger, champion }) =>
    `score ${champion === null ? `version ${challenger}` : `versions ${challenger} and ${champion}`} on the test split`,
  writeReport: ({ version, outcome }) =>
    outcome ? `draw the report on version ${version} anew, with what became of it` : `report on version ${version}`,
  runExtraStep: ({ name }) => `run the command ${name} of the project`,
  makeDriftReport: ({ registeredModel, monitoring }) =>
    `drift report of ${registeredModel} from ${monitoring.log || 'the prediction log of the API'}`,

  serving: ({ registeredModel } = {}) => `which version of ${registeredModel ?? 'the model'} answers now?`,
  preflight: ({ version }) => `look whether version ${version} can be deployed at all`,
  bringUpCandidate: ({ version }) => `start a candidate of version ${version} and verify it`,
  shiftTraffic: ({ key, share }) => shiftText(versionOf(key), share),
  traffic: () => 'how the candidate and the API before it answered',
  idle: ({ registeredModel } = {}) => `which APIs of ${registeredModel ?? 'the model'} run without serving?`,
  stopIdle: ({ key, force }) => `stop the API of ${versionOf(key)}${force ? '' : ', which does not serve'}`,
  buildRuntimeImage: () => 'build and push the runtime image',
  bakeImage: ({ version }) => `build and push the image with version ${version}`,
};

type InputOf<Name extends keyof Activities> = Parameters<Activities[Name]>[0];

function shiftText(version: string, share: number): string {
  if (share === 0) return `take the requests back from ${version}`;
  return share === 1 ? `all requests to ${version}` : `${Math.round(share * 100)} % of the requests to ${version}`;
}

/** `3-1a2b3c4d`, `staging-3-1a2b3c4d` → `version 3`: APIs are named after their version. */
function versionOf(key: string): string {
  const version = /^(?:staging-)?(\d+)-/.exec(key)?.[1];
  return version === undefined ? key : `version ${version}`;
}
