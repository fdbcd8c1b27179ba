/** A port that a part is going to listen on. */
export interface PortNeed {
  port: number;
  /** Address that it is opened on; absent: loopback. */
  host?: string;
  /** The setting that chooses it, as in `stack.apiPort`. */
  setting: string;
}

/** What a part's health probe may look at. */
export interface ProbeContext {
  /** What the part has written to its log since it was started. */
  log(): string;
  /** Time since it was started (ms). */
  elapsedMs: number;
}

/** One process of the embedded stack: how it is started, when it is ready, how long it may take to stop. */
export interface Part {
  /** Name of its log file. */
  name: 'temporal' | 'mlflow' | 'gateway' | 'webhook' | 'worker';
  title: string;
  /** Ports that must be free before anything is started. */
  ports: readonly PortNeed[];
  /** Parts that must be ready before this one is started. */
  after: readonly Part['name'][];
  /** Program and arguments. */
  command: readonly string[];
  /** Added to this process's own environment. */
  env: Readonly<Record<string, string>>;
  isReady(context: ProbeContext): boolean | Promise<boolean>;
  startTimeoutMs: number;
  /** From SIGTERM to SIGKILL (ms). */
  stopGraceMs: number;
}

/** What the parts are made from. */
export interface PartContext {
  /** Folder of the state. */
  dir: string;
  /** The Temporal program; empty when no server is started here. */
  temporal: string;
}
