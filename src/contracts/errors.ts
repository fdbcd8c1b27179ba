import { ApplicationFailure } from '@temporalio/common';
import { truncate } from './text.ts';

interface Failure {
  /** Whether an activity that throws it is tried again, and if only once; decided here and nowhere else. */
  retryable: boolean | 'once';
  /** What helps to understand it, besides `next`: the log of the step, or the doctor. */
  see?: 'log' | 'doctor';
  /** A version could not be deployed, wherever in a workflow that happens. */
  ofDeployment?: true;
  /** Every trial of a search needs what failed: the next one would fail in the same way. */
  ofEveryTrial?: true;
  /** Somebody or the gate decided so: nothing is broken. */
  isDecision?: true;
  /** What the reader should do; ends every message of the type. */
  next: string;
}

/** Every way in which the service refuses or fails, and all that is known of each. */
export const FAILURES = {
  InvalidInput: { retryable: false, next: 'Start it again with the input corrected.' },
  MessageRefused: { retryable: false, next: 'The workflow goes on as before.' },
  ModelUndeclared: {
    retryable: false,
    next: 'Name a declared model, or declare it under "models" in mediwatch.yaml. "undeclared": true makes versions of one without an API.',
  },
  UnknownWorkflowType: { retryable: false, next: 'Start it again with one of these types.' },
  InvalidConfig: {
    retryable: false,
    see: 'doctor',
    ofEveryTrial: true,
    next: 'Correct mediwatch.yaml, and start again.',
  },
  DataNotFound: {
    retryable: false,
    see: 'doctor',
    ofEveryTrial: true,
    next: 'Set data.path in mediwatch.yaml, or pass "data", and start again.',
  },
  PathRefused: {
    retryable: false,
    next: 'Name a file below the project, or add its folder to data.roots in mediwatch.yaml, and start again.',
  },
  DataInvalid: { retryable: false, next: 'Correct the file or the data section of mediwatch.yaml, and start again.' },
  PredictionLogNotFound: {
    retryable: false,
    next: 'Make a prediction, or set monitoring.log in mediwatch.yaml, and start again.',
  },
  PredictionLogInvalid: {
    retryable: false,
    next: 'Correct the section monitoring of mediwatch.yaml, and start again.',
  },
  DriftReportInvalid: {
    retryable: false,
    next: 'It shows neither drift nor its absence: give a report of Evidently 0.4 or 0.7.',
  },
  DriftUndecided: {
    retryable: false,
    next: 'Correct the section driftGate of mediwatch.yaml, or let the report hold what it asks for. No alert was raised.',
  },
  StepFailed: { retryable: false, see: 'log', next: 'Read the log file of the step.' },
  CommandFailed: {
    retryable: true,
    see: 'log',
    next: 'It is tried up to "attempts" times, a setting of the step; read its log file.',
  },
  StepCrashed: { retryable: true, see: 'log', next: 'It is tried again in a new process.' },
  StepTimedOut: {
    retryable: false,
    see: 'log',
    next: 'Raise the time-out of the step in mediwatch.yaml, or make it do less.',
  },
  StepOutOfMemory: { retryable: 'once', see: 'log', next: 'Raise worker.memoryLimitMb, or memoryMb of the step.' },
  TooManyTrialsFailed: { retryable: false, see: 'log', next: 'Read the errors of the trials; no model was trained.' },
  ArtifactCorrupt: { retryable: false, ofEveryTrial: true, next: 'Prepare the data again with "force": true.' },
  ArtifactStoreUnavailable: {
    retryable: true,
    see: 'doctor',
    ofEveryTrial: true,
    next: 'Check that the store in artifacts.store can be reached.',
  },
  MlflowUnavailable: {
    retryable: true,
    see: 'doctor',
    ofEveryTrial: true,
    next: 'Check that MLflow runs at the address in mlflow.uri.',
  },
  MlflowRefused: {
    retryable: false,
    see: 'doctor',
    ofEveryTrial: true,
    next: 'Correct what it names, and start again. Is it the server that mlflow.uri should name?',
  },
  MlflowLoginRefused: {
    retryable: false,
    see: 'doctor',
    ofEveryTrial: true,
    next: 'Set mlflow.username and mlflow.password, or mlflow.token, of an account that may do this (of a proxy: the login in HTTPS_PROXY or HTTP_PROXY), and restart the worker.',
  },
  MlflowUntrusted: {
    retryable: false,
    see: 'doctor',
    ofEveryTrial: true,
    next: 'Name the authority of its certificate in mlflow.caFile, or ours in mlflow.clientCertFile, and restart the worker; or correct the certificate.',
  },
  MlflowBodyTooLarge: {
    retryable: false,
    ofEveryTrial: true,
    next: 'Raise the limit for bodies of the proxy before MLflow (nginx: client_max_body_size), and start again.',
  },
  ExperimentDeleted: {
    retryable: false,
    ofEveryTrial: true,
    next: 'Start again after that.',
  },
  ModelNotFound: { retryable: false, next: '"mediwatch status" lists the versions that there are.' },
  ModelLoadFailed: { retryable: false, see: 'log', next: 'Roll back to a version that loads.' },
  ModelChanged: {
    retryable: false,
    next: 'Nothing was loaded or changed. Find out who wrote to the artifact store; roll back, or register a version again.',
  },
  ModelUntrusted: {
    retryable: false,
    next: 'Nothing was loaded or changed. Add its digest to the file in registry.trustedDigests if you trust it.',
  },
  ModelMismatch: {
    retryable: false,
    next: 'Name a version that reads the columns of the data, or prepare data that have them.',
  },
  LockLost: {
    retryable: false,
    next: 'Nothing was changed after that. The workflow was reset, and its new run goes on.',
  },
  ApprovalRejected: { retryable: false, isDecision: true, next: 'Nothing was changed.' },
  PromotionRefused: {
    retryable: false,
    isDecision: true,
    next: 'Nothing was changed. Promote with "force": true to overrule the gate.',
  },
  PreflightFailed: {
    retryable: true,
    ofDeployment: true,
    next: 'Nothing was started; the API that served before still serves. "mediwatch doctor" shows more.',
  },
  CandidateUnhealthy: {
    retryable: false,
    see: 'log',
    ofDeployment: true,
    next: 'The API that served before still serves. Read the log of the candidate.',
  },
  CanaryBreached: {
    retryable: false,
    see: 'log',
    ofDeployment: true,
    next: 'All traffic is back on the version that served before.',
  },
  DockerUnavailable: { retryable: true, see: 'doctor', ofDeployment: true, next: 'Check that the Docker daemon runs.' },
  PushDenied: {
    retryable: false,
    see: 'doctor',
    next: 'Log in to the image registry with an account that may push, and start again.',
  },
  BuildFailed: {
    retryable: false,
    see: 'log',
    next: 'Read the log of the build; the API that served before still serves.',
  },
  DeploymentFailed: {
    retryable: false,
    see: 'doctor',
    ofDeployment: true,
    next: 'The API that served before still serves.',
  },
  GatewayUnavailable: {
    retryable: true,
    see: 'doctor',
    ofDeployment: true,
    next: 'Check that the API gateway runs at the address in deployment.adminUrl.',
  },
} as const satisfies Record<string, Failure>;

export type FailureType = keyof typeof FAILURES;

/** What is known of a failure by its type; undefined for one that is not ours. */
export function knownFailure(type: string | null | undefined): Readonly<Failure> | undefined {
  return type && Object.hasOwn(FAILURES, type) ? FAILURES[type as FailureType] : undefined;
}

/**
 * Makes the failure of a type: what happened, then what to do next.
 *
 * @param attempt of the activity that throws it, from 1 on
 */
export function failure(type: FailureType, happened: string, cause?: unknown, attempt = 1): ApplicationFailure {
  const { retryable, next }: Failure = FAILURES[type];
  const sentence = truncate(happened).replace(/[^.!?…]$/, '$&.');
  const nonRetryable = retryable === 'once' ? attempt > 1 : !retryable;
  const options = { type, message: `${sentence} ${next}`, nonRetryable };
  return ApplicationFailure.create(cause instanceof Error ? { ...options, cause } : options);
}

/** What the innermost cause of an error says, without the prefix that gRPC puts before it. */
export function causeText(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as Error & { code?: unknown };
  const message = cause.message.replace(/^\d+ [A-Z_]+: /, '').replace(/\.$/, '');
  return message || (typeof code === 'string' ? code : cause.name);
}
