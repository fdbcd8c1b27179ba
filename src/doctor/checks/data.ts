import { stat } from 'node:fs/promises';
import { fromRoot } from '../../config.ts';
import type { Check } from '../check.ts';
import { problem } from '../finding.ts';
import { judgeColumns } from '../judge/data.ts';
import { columnsOf } from '../lib/csv.ts';
import { inWords } from '../lib/words.ts';

/** The data file is there, and has the column that is predicted. */
export const dataCheck: Check = {
  name: 'Data',
  async run({ config }) {
    const { target, group } = config.data;
    const path = fromRoot(config, config.data.path);
    const mend = 'set data.path in mediwatch.yaml, or MEDIWATCH_DATA_PATH, to a CSV file';
    try {
      if (!(await stat(path)).isFile()) return [problem(`${path} is not a file`, mend)];
      return judgeColumns(await columnsOf(path), { path, target, group });
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return [problem(gone ? `there is no file ${path}` : `${path} cannot be read: ${inWords(error)}`, mend)];
    }
  },
};
