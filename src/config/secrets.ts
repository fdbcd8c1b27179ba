import type { NotificationTarget } from '../contracts/notifications.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that targets of notifications name. */
export function secretVariables(targets: readonly NotificationTarget[]): string[] {
  return targets.flatMap((target) => {
    if (target.kind === 'webhook') return target.secretEnv ?? [];
    if (target.kind === 'slack') return target.urlEnv;
    return target.kind === 'email' ? target.smtpEnv : [];
  });
}

/**
 * Their values, as far as they are set. One that is missing is told when it is needed: whoever only starts workflows
 * needs none of them.
 */
export function notificationSecrets(targets: readonly NotificationTarget[], env: Environment): Record<string, string> {
  return Object.fromEntries(secretVariables(targets).flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}
