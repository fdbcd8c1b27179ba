import type { WorkflowName } from '../contracts/workflows.ts';
import { code, fitted, jsonBlock, plain, shorten } from '../words/markdown.ts';

/** The fields of an input by which a summary tells workflows of a type apart. */
interface Fields {
  version?: string;
  registryStage?: string;
  dryRun?: boolean;
}

interface Started {
  workflow: WorkflowName;
  input: object;
  registeredModel: string;
  /** The user who typed the command. */
  by: string;
}

/** What Temporal's lists and a workflow's page say of a start by this command. */
export function metadataOf({ workflow, input, registeredModel, by }: Started) {
  const fields: Fields = input;
  const does = WORDS[workflow](registeredModel, fields);
  const given = Object.keys(input).length > 0;
  return {
    staticSummary: shorten(`${fields.dryRun ? 'Dry run: ' : ''}${does}, by ${by}`),
    staticDetails: fitted([
      `Started by ${plain(by)} with ${code('mediwatch')}.`,
      given ? 'The input that was given:' : 'No input was given: the settings of mediwatch.yaml hold.',
      given && jsonBlock(input),
    ]),
  };
}

const versionOf = (model: string, version: string | undefined, otherwise: string) =>
  version === undefined ? `${otherwise} of ${model}` : `version ${version} of ${model}`;

const WORDS: Record<WorkflowName, (model: string, fields: Fields) => string> = {
  retrain: (model) => `Retrain ${model}`,
  prepareData: (model) => `Prepare the data of ${model}`,
  hyperparameterSearch: (model) => `Search hyperparameters for ${model}`,
  trainBestAndRegister: (model) => `Train and register a version of ${model}`,
  promote: (model, { version, registryStage = 'Production' }) =>
    `Promote ${versionOf(model, version, 'the newest version')}${registryStage === 'Production' ? '' : ` to ${registryStage}`}`,
  rollback: (model, { version }) => `Roll back to ${versionOf(model, version, 'the version before')}`,
  redeploy: (model, { version }) => `Redeploy ${versionOf(model, version, 'the Production version')}`,
  buildImage: (model, { version }) =>
    version === undefined
      ? `Build the runtime image of ${model}`
      : `Build an image with version ${version} of ${model}`,
  driftCheck: (model) => `Look for drift in the predictions of ${model}`,
  driftSteward: (model) => `Drift alerts of ${model}`,
};
