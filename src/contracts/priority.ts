/**
 * Which of the tasks that wait in a queue Temporal takes next: 1 comes first, 3 is what it gives to all others. A workflow
 * that is not named here has the priority that it was started with.
 */
const KEYS = new Map([
  // Until it is done, a version answers that should not.
  ['rollback', 1],
  // Whoever changes Production waits for it.
  ['modelLock', 1],
  ['promote', 2],
  ['redeploy', 2],
  // The longest of all: it takes what nobody else wants.
  ['hyperparameterSearch', 4],
]);

/** Longest fairness key that Temporal takes (bytes). */
const FAIRNESS_KEY_BYTES = 64;

/**
 * The priority of a workflow, its stages and its activities, with Temporal's own fairness between models of one priority.
 * A server that knows neither takes first what came first.
 */
export function priorityOf(workflow: string, registeredModel?: string) {
  const priorityKey = KEYS.get(workflow);
  return {
    ...(priorityKey !== undefined && { priorityKey }),
    // Encoded, each character is a byte, so that none is cut in two.
    ...(registeredModel && {
      fairnessKey: encodeURIComponent(registeredModel.toWellFormed()).slice(0, FAIRNESS_KEY_BYTES),
    }),
  };
}
