export interface Progress {
  doneBytes: number;
  totalBytes: number;
}

/** Files moved at once: enough to hide latency, few enough for an MLflow server with one worker. */
export const CONCURRENCY = 4;
