import type { DriftVerdict } from './drift.ts';
import type { Path } from './schemas.ts';
import type { Metrics } from './training.ts';
import type { GateVerdict } from './verdicts.ts';

/** What `mediwatch try` does, one after the other; `extra`: a step of the project beside a stage. */
export type Tried =
  | 'start'
  | 'prepare'
  | 'trial'
  | 'train'
  | 'register'
  | 'evaluate'
  | 'report'
  | 'api'
  | 'monitor'
  | 'extra';

/** Why a step was not tried. */
export type NotTried =
  | 'noSuchStep'
  | 'withoutData'
  | 'withoutModel'
  | 'wholeSearch'
  | 'noRules'
  | 'noReport'
  | 'noLog'
  | 'inNetwork'
  | 'noApi';

/** Settings of `deployment.contract` as mediwatch.yaml would have them: only what differs from their defaults. */
export interface Proposal {
  health?: { path?: string; version?: string };
  predict?: { path?: string; predictions?: string; probability?: string };
  /** What `predict.request` must be, where `{"records": […]}` is not understood. */
  request?: unknown;
}

/** What came of a step that was tried. */
export interface Outcome {
  step: Tried;
  /** Of an extra step. */
  name?: string;
  state: 'passed' | 'failed' | 'skipped';
  seconds: number;
  why?: NotTried;
  /** What it brought, as far as it is known. */
  facts: {
    rows?: number | null;
    /** Rows of the whole table; null: it was taken as it is. */
    of?: number | null;
    score?: number;
    metrics?: Metrics;
    version?: string;
    checks?: readonly string[];
    /** What the gate would say, were nothing in Production. */
    gate?: GateVerdict;
    drift?: Pick<DriftVerdict, 'verdict' | 'grounds'>;
  };
  /** Why it failed. */
  message?: string;
  /** The setting to look at. */
  setting?: Path;
  proposal?: Proposal;
  /** Whether the API passes its checks with what is proposed. */
  passes?: boolean;
}
