/** What a process may need besides what every process gets. */
export type Need = 'network' | 'computing' | 'mlflow' | 'docker' | 'node' | 'npm' | 'pip' | 'go' | 'desktop';
type Environment = Readonly<Record<string, string | undefined>>;

export function environmentOf(
  needs?: readonly Need[],
  passed?: readonly string[],
  env?: Environment,
): Record<string, string>;
export function variablesOf(names: readonly string[], env?: Environment): Record<string, string>;
