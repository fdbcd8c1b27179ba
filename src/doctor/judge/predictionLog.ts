import { type Finding, ok, problem, warning } from '../finding.ts';
import { counted, listed } from '../lib/words.ts';

/** What was found where the prediction log should be. */
export type LogState =
  | { kind: 'noFolder' }
  | { kind: 'noFile' }
  | { kind: 'unreadable'; reason: string }
  | { kind: 'file'; columns: string[]; rows: number; atLeast: boolean };

interface Place {
  folder: string;
  /** Whether the API runs in a container, into which the folder is mounted. */
  mounted: boolean;
  /** How to make a prediction. */
  predict: string;
  /** Rows that a window of a drift report must have. */
  minRows: number;
}

/** What `monitoring.log` names: its files, and the rows if it is one CSV file. */
export interface OwnLog {
  path: string;
  files: number;
  rows: number | null;
}

const NEEDED = ['event_id', 'ts', 'model_version', 'threshold', 'prob', 'pred'];

/** Tells apart that the folder is not mounted, that no prediction was made, and that there are too few. */
export function judgePredictionLog(state: LogState, { folder, mounted, predict, minRows }: Place): Finding {
  switch (state.kind) {
    case 'noFolder':
      if (mounted) {
        const mend = `mkdir -p ${folder}, then mediwatch redeploy, which mounts it as PRED_LOG_DIR`;
        return problem(`its folder ${folder} is not there, so it is not mounted into the API's container`, mend);
      }
      return warning(`no prediction was made yet: the first one makes ${folder}`, predict);
    case 'noFile':
      return warning(`no prediction was made yet: ${folder} holds no predictions.csv`, predict);
    case 'unreadable':
      return problem(
        `${folder}/predictions.csv cannot be read: ${state.reason}`,
        `ls -l ${folder}, and let this user read it`,
      );
    case 'file':
      return judgeFile(state, folder, predict, minRows);
  }
}

function judgeFile(
  { columns, rows, atLeast }: Extract<LogState, { kind: 'file' }>,
  folder: string,
  predict: string,
  minRows: number,
): Finding {
  const missing = NEEDED.filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    const text = `${folder}/predictions.csv lacks the columns ${listed(missing)}: it is not a prediction log`;
    return problem(text, 'move it away; the next prediction begins a new one');
  }
  if (rows === 0) return warning('no prediction was made yet: predictions.csv has no rows', predict);
  if (rows < minRows) return warning(`too few rows (${rows} of ${minRows}) for a drift report`, predict);
  return ok(`${atLeast ? 'more than ' : ''}${counted(rows, 'row')} in ${folder}/predictions.csv`);
}

/** A log of somebody else's: it may have any columns and be of many files, so only that it is there is asked. */
export function judgeOwnLog({ path, files, rows }: OwnLog, minRows: number): Finding {
  if (files === 0) {
    return problem(`${path} names no CSV or Parquet file, so no drift can be told`, 'correct monitoring.log');
  }
  if (rows !== null && rows < minRows) {
    return warning(`too few rows (${rows} of ${minRows}) for a drift report in ${path}`, 'wait for more predictions');
  }
  return ok(rows === null ? `${counted(files, 'file')} of ${path}` : `${counted(rows, 'row')} in ${path}`);
}
