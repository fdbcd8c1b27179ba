import { gateName, type Proposal } from '../propose/plan.ts';
import { type Entry, listing, section, setting } from './entries.ts';

/** What search.trials takes. */
const MOST_TRIALS = 10_000;

export function searchSection({ findings, answers, parameters, metric, search }: Proposal): Entry | null {
  const space = section(
    'space',
    parameters.map(({ option, dimension, reason }) =>
      setting(option.dest, dimension, `${reason[0]?.toUpperCase()}${reason.slice(1)}.`),
    ),
    answers.search === 'own'
      ? 'For a search of ours in place of the script: give steps.trial a command, and take away steps.search.'
      : 'What is searched. Ranges that are guesses should be looked at.',
    { off: answers.search !== 'trials' },
  );
  const score = metric
    ? [
        setting('metric', metric.name, 'What an MLflow run of a trial calls its score.'),
        setting('direction', metric.direction),
      ]
    : [
        setting('metric', 'FILL_IN', 'What an MLflow run of a trial calls its score: none was found in the scripts.', {
          off: true,
        }),
      ];
  const wanted = search?.script.options.find(({ dest }) => /^(n_?|num_|max_)?trials$/.test(dest))?.default;
  const trials =
    answers.search === 'none' ? 0 : typeof wanted === 'number' && wanted > 0 ? Math.min(wanted, MOST_TRIALS) : 20;
  const why =
    trials === 0
      ? noSearch(findings.scripts.length, parameters.length, metric !== null)
      : typeof wanted === 'number'
        ? `The default of ${search?.script.path}.`
        : '';
  return section('search', [setting('trials', trials, why), ...score, space]);
}

function noSearch(scripts: number, parameters: number, hasMetric: boolean): string {
  if (scripts === 0) return 'No search: there is nothing to search over yet.';
  if (parameters === 0) return 'No search: the training takes no parameters that could be searched.';
  return hasMetric
    ? 'No search, as was answered.'
    : 'No search: no metric was found that could decide it. Name one below, give steps.trial a command, and raise this.';
}

export function promotionSection({ gate }: Proposal): Entry | null {
  const metric = gate && gateName(gate);
  if (!gate || metric === 'test_auc') {
    return section(
      'promotion',
      [setting('maxAucLoss', 0.005, 'A new version may lose this much test AUC.')],
      'When a new version may replace the one in Production.',
    );
  }
  const rule = [
    setting('metric', metric),
    setting('direction', gate.direction === 'minimize' ? 'lower' : 'higher'),
    setting('maxLoss', 0),
  ];
  return section(
    'promotion',
    [listing('rules', [rule], 'A new version may be no worse by this metric, which the training logs.')],
    'When a new version may replace the one in Production.',
  );
}
