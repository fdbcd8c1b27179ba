import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common';
import { z } from 'zod';
import { redact, redactData } from '../../config/redaction.ts';
import { FAILURES, type FailureType, failure } from '../../contracts/errors.ts';
import { PromotionConflict } from '../../domain/registryMoves.ts';
import { ArtifactCorrupt, ArtifactMissing, ArtifactStoreUnavailable } from '../../systems/artifacts/errors.ts';
import { GatewayError, VerificationFailed } from '../../systems/deployment/target.ts';
import { DockerError } from '../../systems/docker/errors.ts';
import { failureTypeOf, MlflowError } from '../../systems/mlflow/errors.ts';
import { ModelRefused } from '../../systems/mlflow/versionFiles.ts';
import {
  CommandAborted,
  CommandFailed,
  CommandNotFound,
  CommandOutOfMemory,
  CommandTimedOut,
  ProcessDidNotStart,
  ProcessDied,
  StepError,
} from '../../systems/processes/errors.ts';
import { conflictText } from '../../words/verdicts.ts';

type Method = (...args: never[]) => Promise<unknown>;

/** A plan is what steps run by: what it names must reach them as it is. */
const PLANS = ['resolvePlan'];

/**
 * Wraps activities so that whatever their systems throw reaches the workflow as a failure of the contract, and neither
 * that nor a result holds a secret.
 */
export function translated<Activities extends Record<string, Method>>(activities: Activities): Activities {
  const wrap = (name: string, method: Method): Method =>
    async function translatedActivity(...args) {
      try {
        const result = await method(...args);
        return PLANS.includes(name) ? result : redactData(result);
      } catch (error) {
        throw withoutSecrets(translate(error, name));
      }
    };
  const wrapped = Object.entries(activities).map(([name, method]) => [name, wrap(name, method)]);
  return Object.fromEntries(wrapped) as Activities;
}

/**
 * The failure of the contract that says what an error of a system means.
 *
 * @param activity name of the activity that met it, for messages
 */
export function translate(error: unknown, activity = 'an activity'): Error {
  if (error instanceof CommandAborted || isAbort(error)) return interruption();
  if (error instanceof TemporalFailure) return error;
  if (error instanceof StepError) return stepFailure(error);
  if (error instanceof PromotionConflict) return failure('PromotionRefused', conflictText(error), error);
  // Read again it would have the same form: steps/result.ts says of a step's answer which step it is.
  if (error instanceof z.ZodError) {
    const happened = `What ${activity} was given has another form than it must: ${z.prettifyError(error)}`;
    return failure('StepFailed', happened, error);
  }
  const type = typeOf(error);
  if (type) {
    const { attempt } = FAILURES[type].retryable === 'once' ? Context.current().info : { attempt: 1 };
    return failure(type, (error as Error).message, error, attempt);
  }
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  return ApplicationFailure.create({ type: name, message, ...(error instanceof Error && { cause: error }) });
}

/** The chain of causes goes to Temporal as well: messages, stacks and details. */
function withoutSecrets(error: Error): Error {
  const { cause } = error;
  const hide = (key: 'message' | 'stack' | 'details' | 'cause', value: unknown) =>
    Object.defineProperty(error, key, { value, configurable: true, writable: true });
  hide('stack', redact(error.stack ?? ''));
  hide('message', redact(error.message));
  if (error instanceof ApplicationFailure) hide('details', redactData(error.details));
  if (cause instanceof Error) withoutSecrets(cause);
  if (typeof cause === 'string') hide('cause', redact(cause));
  return error;
}

function typeOf(error: unknown): FailureType | undefined {
  if (error instanceof MlflowError) return failureTypeOf(error);
  if (error instanceof ModelRefused) return error.type;
  if (error instanceof CommandTimedOut) return 'StepTimedOut';
  if (error instanceof CommandOutOfMemory) return 'StepOutOfMemory';
  if (error instanceof ProcessDied) return 'StepCrashed';
  if (error instanceof ProcessDidNotStart || error instanceof CommandNotFound) return 'InvalidConfig';
  if (error instanceof CommandFailed) return 'StepFailed';
  if (error instanceof ArtifactCorrupt || error instanceof ArtifactMissing) return 'ArtifactCorrupt';
  if (error instanceof ArtifactStoreUnavailable) return 'ArtifactStoreUnavailable';
  if (error instanceof VerificationFailed) return 'CandidateUnhealthy';
  if (error instanceof DockerError) return error.type;
  if (error instanceof GatewayError) return error.retryable ? 'GatewayUnavailable' : 'DeploymentFailed';
  return undefined;
}

/** A step may answer with a type of the contract; any other it fails with is reported as StepFailed or StepCrashed. */
function stepFailure(error: StepError): Error {
  const where = error.field ? `${error.field}: ` : '';
  const known = error.type in FAILURES ? (error.type as FailureType) : undefined;
  return failure(known ?? (error.retryable ? 'StepCrashed' : 'StepFailed'), `${where}${error.message}`, error);
}

const isAbort = (error: unknown) => error instanceof Error && error.name === 'AbortError';

/** An aborted step was cancelled by its workflow, or its worker is stopping, and then it is tried elsewhere. */
function interruption(): Error {
  const details = Context.current().cancellationDetails;
  return details?.cancelRequested || details?.notFound || details?.timedOut
    ? new CancelledFailure('The step was cancelled; its processes are gone.')
    : failure('StepCrashed', 'The worker was stopped while the step ran.');
}
