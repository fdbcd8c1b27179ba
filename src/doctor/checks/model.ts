import { type Check, NotChecked, need } from '../check.ts';
import { examineModelFiles } from '../lib/modelFiles.ts';

/** The files of the version in Production can be fetched. */
export const modelCheck: Check = {
  name: 'Model files',
  async run({ config, versions, signal }) {
    const found = await need(versions(), 'MLflow does not answer');
    const version = found.find(({ stage }) => stage === 'Production');
    if (!version) throw new NotChecked('no version is in Production');
    return [await examineModelFiles({ config, version, signal })];
  },
};
