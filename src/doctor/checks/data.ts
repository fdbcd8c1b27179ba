import { stat } from 'node:fs/promises';
import { asksFor } from '../../config/placeholders.ts';
import { fromRoot } from '../../config.ts';
import { textsOf } from '../../systems/steps/index.ts';
import type { Check } from '../check.ts';
import { ok, problem } from '../finding.ts';
import { judgeColumns } from '../judge/data.ts';
import { columnsOf } from '../lib/csv.ts';
import { inWords } from '../lib/words.ts';

/** The data file is there, and has the columns that the settings name. What a project's own step reads is its own affair. */
export const dataCheck: Check = {
  name: 'Data',
  async run({ config }) {
    const { target, group, drop, idCategories } = config.data;
    const path = fromRoot(config, config.data.path);
    const mend = 'set data.path in mediwatch.yaml, or MEDIWATCH_DATA_PATH, to a CSV file';
    const { command, skip, env } = config.steps.prepare;
    const isOurs = !command && !skip;
    // A command that does not ask for the data has them from elsewhere.
    if (command && !asksFor(textsOf({ command, env }), 'data')) return [];
    try {
      const found = await stat(path);
      if (!isOurs) return [ok(`${path} is there`)];
      if (!found.isFile()) return [problem(`${path} is not a file`, mend)];
      return judgeColumns(await columnsOf(path), { path, target, group, drop, idCategories });
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return [
        problem(
          gone ? `there is no ${isOurs ? 'file ' : ''}${path}` : `${path} cannot be read: ${inWords(error)}`,
          mend,
        ),
      ];
    }
  },
};
