import { readSnapshot } from '../../systems/mlflow/registry-changes.ts';
import { type Check, need } from '../check.ts';
import type { DoctorContext } from '../context.ts';
import { ok, problem } from '../finding.ts';
import { judgeAgreement } from '../judge/agreement.ts';

/** Stages and aliases name the same versions. */
export const agreementCheck: Check = {
  name: 'Stages and aliases',
  async run(context) {
    const snapshot = await need(snapshotOf(context), 'MLflow does not answer');
    if (snapshot.versions.length === 0) return [];
    const { disagreements, changes } = judgeAgreement(snapshot);
    if (disagreements.length === 0) {
      const { champion = 'none', previous = 'none' } = snapshot.aliases;
      return [ok(`champion: ${champion}, previous: ${previous}`)];
    }
    const mend =
      changes.length > 0 ? 'mediwatch doctor --fix-aliases' : 'mediwatch promote VERSION, or set them in MLflow';
    return disagreements.map((text) => problem(text, mend));
  },
};

async function snapshotOf({ config, versions }: DoctorContext) {
  return await readSnapshot({ listVersions: versions }, config.registry.registeredModel);
}
