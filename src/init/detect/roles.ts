import type { Facts } from '../sources.ts';

/** What a script is for. */
export const ROLES = ['prepare', 'search', 'train', 'baseline', 'evaluate', 'promote', 'monitor'] as const;
export type Role = (typeof ROLES)[number];

interface Evidence {
  role: Role;
  /** How much it says: a name less than a call that only such a script makes. */
  weight: number;
  /** Of the path without its suffix. */
  name?: RegExp;
  /** Of what is called, by its dotted name. */
  call?: RegExp;
  /** Of what is imported. */
  module?: RegExp;
}

const EVIDENCE: readonly Evidence[] = [
  { role: 'prepare', weight: 3, name: /prep|split|featur|ingest|make_?data|build_?data|etl|clean/ },
  { role: 'prepare', weight: 2, call: /(^|\.)train_test_split$|(^|\.)(Stratified)?GroupShuffleSplit$/ },
  { role: 'prepare', weight: 3, call: /\.to_(parquet|csv|feather)$|numpy\.savez(_compressed)?$/ },
  { role: 'search', weight: 6, call: /^optuna\.create_study$|^hyperopt\.fmin$|^ray\.tune\.(run|Tuner)$/ },
  { role: 'search', weight: 2, module: /^(optuna|hyperopt|ray\.tune|skopt)\b/ },
  { role: 'search', weight: 3, name: /tune|tuning|search|hpo|optuna|sweep/ },
  { role: 'train', weight: 3, name: /train|(^|[^a-z])fit([^a-z]|$)/ },
  { role: 'train', weight: 3, call: /^mlflow\.\w+\.log_model$|^mlflow\.register_model$/ },
  { role: 'train', weight: 3, call: /(^|\.)fit$|^(lightgbm|xgboost)\.train$|^torch\.optim\./ },
  { role: 'baseline', weight: 7, name: /baseline|dummy/ },
  { role: 'evaluate', weight: 5, name: /eval|scor(e|ing)|validate_model|test_model/ },
  { role: 'evaluate', weight: 2, call: /^mlflow\.\w+\.load_model$|^joblib\.load$/ },
  { role: 'promote', weight: 5, name: /promot|release|transition/ },
  { role: 'promote', weight: 4, call: /transition_model_version_stage$|set_registered_model_alias$/ },
  { role: 'monitor', weight: 5, module: /^(evidently|nannyml|alibi_detect)\b/ },
  { role: 'monitor', weight: 4, name: /monitor|drift|evidently/ },
];

/** Below this there is a word or a call that may mean anything. */
const ENOUGH = 3;

export interface Classified {
  role: Role | null;
  /** What speaks for it, in words. */
  reasons: string[];
}

/** Says what a script is for by its name, its imports and its calls. */
export function classify(path: string, facts: Facts): Classified {
  const weights = new Map<Role, { weight: number; reasons: string[] }>();
  const name = (path.split('/').at(-1) ?? '').replace(/\.\w+$/, '').toLowerCase();
  for (const evidence of EVIDENCE) {
    const reason = reasonOf(evidence, name, facts);
    if (!reason) continue;
    const known = weights.get(evidence.role) ?? { weight: 0, reasons: [] };
    weights.set(evidence.role, { weight: known.weight + evidence.weight, reasons: [...known.reasons, reason] });
  }
  const [best] = [...weights].sort(([, one], [, other]) => other.weight - one.weight);
  if (!best || best[1].weight < ENOUGH) return { role: null, reasons: [] };
  return { role: best[0], reasons: best[1].reasons };
}

function reasonOf({ name, call, module }: Evidence, own: string, { calls, imports }: Facts): string | undefined {
  if (name?.test(own)) return 'its name says so';
  const called = call && Object.keys(calls).find((each) => call.test(each));
  if (called) return `calls ${called}`;
  const imported = module && imports.find((each) => module.test(each));
  return imported ? `imports ${imported}` : undefined;
}
