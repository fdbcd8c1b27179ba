import type { RegistrySnapshot } from '../../contracts/registry.ts';
import { type Finding, ok, problem } from '../finding.ts';
import { counted, listed } from '../lib/words.ts';

/** Whether exactly one version is in Production. */
export function judgeProduction(registeredModel: string, { versions }: Pick<RegistrySnapshot, 'versions'>): Finding {
  if (versions.length === 0) {
    return problem(`${registeredModel} has no version yet: the API has nothing to load`, 'mediwatch retrain --follow');
  }
  const production = versionsIn(versions, 'Production');
  const [only, ...others] = production;
  if (only === undefined) {
    const newest = Math.max(...versions.map(({ version }) => Number(version)));
    const text = `none of ${counted(versions.length, 'version')} of ${registeredModel} is in Production`;
    return problem(`${text}: the API has nothing to load`, `mediwatch promote ${newest}`);
  }
  if (others.length > 0) {
    const text = `versions ${listed(production)} are in Production; the API loads the newest of them`;
    return problem(text, 'mediwatch doctor --fix-aliases, or in MLflow archive all but the one that is to serve');
  }
  return ok(`version ${only} of ${counted(versions.length, 'version')} of ${registeredModel}`);
}

/** The versions in a stage, the oldest first. */
export function versionsIn(versions: RegistrySnapshot['versions'], stage: string): string[] {
  return versions
    .filter(({ registryStage }) => registryStage === stage)
    .map(({ version }) => version)
    .sort((a, b) => Number(a) - Number(b));
}
