import { z } from 'zod';
import type { DriftAlert } from '../contracts/steward.ts';

const One = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  startsAt: z.iso.datetime({ offset: true }),
  generatorURL: z.string().default(''),
  fingerprint: z.string().min(1).max(60),
});

/** What Alertmanager's webhook receiver is sent (version 4 of its format); more than is read here is let be. */
export const AlertmanagerMessage = z.object({ version: z.literal('4'), alerts: z.array(One) });
export type AlertmanagerMessage = z.infer<typeof AlertmanagerMessage>;

/** Whether a body is meant to be such a message. */
export function isAlertmanager(body: object): boolean {
  return 'alerts' in body && 'version' in body;
}

/** Its alerts that fire. One that is sent again, as Alertmanager does every few hours, has the key of the first time. */
export function firing({ alerts }: AlertmanagerMessage): DriftAlert[] {
  return alerts
    .filter(({ status }) => status === 'firing')
    .map(({ labels, annotations, startsAt, generatorURL, fingerprint }) => ({
      key: `alertmanager/${fingerprint}/${startsAt}`.slice(0, 100),
      reason: (annotations.summary ?? annotations.description ?? labels.alertname ?? '').slice(0, 1_000),
      source: 'alertmanager',
      report: generatorURL.slice(0, 2_000) || null,
    }));
}
