import { expandAll, type PlaceholderValues, parsePlaceholders } from '../../config/placeholders.ts';
import { type Config, fromRoot } from '../../config.ts';
import type { Space } from '../../contracts/training.ts';
import type { PlanOf } from '../../contracts/workflows.ts';

/** A command as it would be run: what is not known before is in angle brackets. */
export function sampleOf(command: readonly string[], config: Config, plan: PlanOf<'retrain'>): string[] {
  const found = middleOf(config.search.space ?? {});
  const params = { ...unknownParams(command, Object.keys(found)), ...found };
  return expandAll(command, { values: sampleValues(config, plan), params });
}

function sampleValues(config: Config, plan: PlanOf<'retrain'>): PlaceholderValues['values'] {
  return {
    project: config.root,
    workDir: '<workDir>',
    output: '<output>',
    data: fromRoot(config, plan.data),
    dataset: '<dataset>',
    seed: plan.seed,
    model: plan.model,
    registeredModel: plan.registeredModel,
    experiment: config.mlflow.experiment,
    trackingUri: config.mlflow.uri,
    runId: '<runId>',
    threads: '<threads>',
    version: '<version>',
    trials: plan.trials,
    parallel: plan.parallel,
    minRows: config.monitoring.minRows,
    log: config.monitoring.log ? fromRoot(config, config.monitoring.log) : '<log>',
  };
}

/** Parameters without a range: those that a script's own search finds, or that have a value of their own. */
function unknownParams(command: readonly string[], found: readonly string[]): Record<string, string> {
  const pieces = command.flatMap(parsePlaceholders);
  const names = pieces.flatMap((piece) =>
    'name' in piece && piece.name.startsWith('params.') && piece.otherwise === undefined
      ? [piece.name.slice('params.'.length)]
      : [],
  );
  const known = found.map(folded);
  return Object.fromEntries(names.filter((name) => !known.includes(folded(name))).map((name) => [name, `<${name}>`]));
}

const folded = (name: string) => name.replaceAll('-', '_');

/** A point in the middle of the search space. */
function middleOf(space: Space): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(space).map(([name, dimension]) => {
      if (dimension.type === 'categorical') return [name, dimension.choices[0] as string];
      const { low, high, log } = dimension;
      const middle = log && low > 0 ? Math.sqrt(low * high) : (low + high) / 2;
      return [name, dimension.type === 'int' ? Math.round(middle) : Number(middle.toPrecision(3))];
    }),
  );
}
