import type { Config } from '../config.ts';
import type { Problem } from './problems.ts';
import { type Path, type Place, pathText } from './problems.ts';

/** What each model must have for itself, where it is used at all: a name for it, its value, and what to do. */
const OWN: ReadonlyArray<{
  path: Path;
  shared(config: Config): string | null;
  message(value: string, other: string): string;
}> = [
  {
    path: ['deployment', 'adminUrl'],
    shared: ({ deployment }) => (deployment.target === 'none' ? null : deployment.adminUrl),
    message: (value, other) =>
      `a gateway serves one model, and that at ${value} serves ${other}: give this model apiUrl and adminUrl of a ` +
      'gateway of its own, or "target: none"',
  },
  {
    path: ['docker', 'bakedTag'],
    shared: ({ deployment, docker }) =>
      deployment.target === 'docker' && docker.option === 'baked' ? `${docker.image}:${docker.bakedTag}` : null,
    message: (value, other) =>
      `the image ${value} holds the model ${other}: give this model a docker.image or docker.bakedTag of its own`,
  },
  {
    path: ['monitoring', 'outDir'],
    shared: ({ monitoring }) => monitoring.outDir,
    message: (value, other) => `${value} holds the drift reports of ${other}: give this model a folder of its own`,
  },
  {
    path: ['monitoring', 'log'],
    shared: ({ monitoring }) => monitoring.log || null,
    message: (value, other) =>
      `${value} is the prediction log of ${other}: drift of one would be told from the predictions of the other`,
  },
];

/** Two models share what only one can have; the later one is told. */
export function conflictsBetween(models: Readonly<Record<string, Config>>, placeOf: (path: Path) => Place): Problem[] {
  const entries = Object.entries(models);
  return entries.flatMap(([name, config], index) =>
    OWN.flatMap(({ path, shared, message }) => {
      const value = shared(config);
      const other = entries.slice(0, index).find(([, earlier]) => value !== null && shared(earlier) === value);
      if (value === null || !other) return [];
      const whole = ['models', name, ...path];
      return [{ ...placeOf(whole), path: pathText(whole), message: message(value, other[0]) }];
    }),
  );
}
