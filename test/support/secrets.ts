import { randomUUID } from 'node:crypto';

/** In every secret of this test process, and in none of another one. */
const OWN = randomUUID().slice(0, 8);

/** Secrets as they lie in the environment of a person, a service unit or a CI job. */
export const SECRETS: Readonly<Record<string, string>> = {
  MEDIWATCH_WEBHOOK_SECRET: `planted-webhook-secret-${OWN}`,
  MEDIWATCH_WEBHOOK_TOKEN: `planted-webhook-token-${OWN}`,
  MEDIWATCH_MLFLOW_TOKEN: `planted-mlflow-token-${OWN}`,
  MLFLOW_TRACKING_USERNAME: `planted-mlflow-user-${OWN}`,
  MLFLOW_TRACKING_PASSWORD: `planted-mlflow-password-${OWN}`,
  TEMPORAL_API_KEY: `planted-temporal-key-${OWN}`,
  TEST_SMTP: `smtps://mailer:planted-smtp-password-${OWN}@mail.invalid`,
  TEST_SLACK_URL: `https://hooks.invalid/services/planted-slack-${OWN}`,
  DOCKER_PASSWORD: `planted-docker-password-${OWN}`,
  DJANGO_SECRET_KEY: `planted-secret-key-${OWN}`,
  AWS_SECRET_ACCESS_KEY: `planted-aws-key-${OWN}`,
  DATABASE_URL: `postgresql://app:planted-database-password-${OWN}@db.invalid/app`,
  MLFLOW_BACKEND_STORE_URI: `postgresql://mlflow:planted-store-password-${OWN}@db.invalid/mlflow`,
};

/** The names of the secrets whose value stands in the text. */
export function secretsIn(text: string): string[] {
  return Object.keys(SECRETS).filter((name) => text.includes(markOf(name)));
}

/** The part of a secret that is a secret, without the address around it. */
function markOf(name: string): string {
  return /planted-[\w-]+/.exec(SECRETS[name] ?? '')?.[0] ?? '';
}
