import { type Finding, ok, problem } from '../finding.ts';
import { counted } from '../lib/words.ts';

interface Wanted {
  path: string;
  target: string;
  /** Null: the data are split by row. */
  group: string | null;
}

/** Whether the columns of a data file are those that a retrain needs. */
export function judgeColumns(columns: readonly string[], { path, target, group }: Wanted): Finding[] {
  if (columns.length < 2) return [problem(`${path} is not a CSV file with columns`, 'set data.path to one')];
  const missing = (name: string, setting: string, what: string) =>
    columns.includes(name)
      ? []
      : [problem(`${path} has no column "${name}" (${what})`, `correct ${setting} in mediwatch.yaml, or the file`)];
  const wrong = [
    ...missing(target, 'data.target', 'the target'),
    ...(group === null ? [] : missing(group, 'data.group', 'the group of the split')),
  ];
  return wrong.length > 0 ? wrong : [ok(`${path}: ${counted(columns.length, 'column')}, with the target "${target}"`)];
}
