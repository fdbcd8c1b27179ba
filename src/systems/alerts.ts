import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { z } from 'zod';
import { TASK_QUEUES, workflowIds } from '../contracts/names.ts';
import { type DriftAlert, driftAlert } from '../contracts/steward.ts';
import { shorten } from '../contracts/text.ts';

type Alert = z.input<typeof DriftAlert>;

/**
 * Tells the steward of a model that its data have drifted; the first alert starts the steward. It returns when Temporal
 * has the alert on disk: from then on it is not lost. Alerts that come while others are on their way go together in the
 * next signal, so that a storm is a few signals.
 *
 * @returns id of the steward's workflow
 * @throws what the Temporal client throws when the server does not answer or refuses
 */
export async function raiseAlert(client: Client, registeredModel: string, alert: Alert): Promise<string> {
  const sender = senderOf(client, registeredModel);
  const batch = sender.next ?? openBatch(sender, client, registeredModel);
  batch.alerts.push(alert);
  if (batch.alerts.length === LARGEST_BATCH) sender.next = undefined;
  await batch.sent;
  return workflowIds.steward(registeredModel);
}

/** An alert has up to 4 KB: with this many, a signal stays far below the two megabytes that Temporal takes. */
const LARGEST_BATCH = 100;

interface Batch {
  alerts: Alert[];
  /** When Temporal has them. */
  sent: Promise<void>;
}

/** The alerts of one model that one client sends, one batch after the other. */
interface Sender {
  /** The latest batch was sent, or could not be. */
  idle: Promise<unknown>;
  /** Batch that waits for its turn, and takes alerts until then. */
  next: Batch | undefined;
  /** Batches that went one right after the other. */
  inARow: number;
  /** When the latest was sent (ms, by the monotonic clock); -Infinity: none was. */
  sentAt: number;
}

/**
 * Temporal takes a workflow task back that wants to continue as new while a signal waits. In a storm without an end each
 * would be, and the history would grow to its limit: after this many batches in a row comes a pause (ms) that is long
 * enough for one, with a replay.
 */
const BATCHES_IN_A_ROW = 100;
const PAUSE_MS = 500;
/** After this long without a batch the next is no longer one in a row (ms). */
const LULL_MS = 50;

const senders = new WeakMap<Client, Map<string, Sender>>();

function senderOf(client: Client, registeredModel: string): Sender {
  const ofClient = senders.get(client) ?? new Map<string, Sender>();
  senders.set(client, ofClient);
  const sender = ofClient.get(registeredModel) ?? {
    idle: Promise.resolve(),
    next: undefined,
    inARow: 0,
    sentAt: Number.NEGATIVE_INFINITY,
  };
  ofClient.set(registeredModel, sender);
  return sender;
}

function openBatch(sender: Sender, client: Client, registeredModel: string): Batch {
  const alerts: Alert[] = [];
  const sent = sender.idle.then(async () => {
    await pauseInStorm(sender);
    if (sender.next === batch) sender.next = undefined;
    await signal(client, registeredModel, alerts);
  });
  const batch: Batch = { alerts, sent };
  sender.next = batch;
  const over = () => {
    sender.sentAt = performance.now();
  };
  // Whether it was sent is told to who raised the alerts; the next batch goes either way.
  sender.idle = sent.then(over, over);
  return batch;
}

async function pauseInStorm(sender: Sender): Promise<void> {
  sender.inARow = performance.now() - sender.sentAt < LULL_MS ? sender.inARow + 1 : 1;
  if (sender.inARow <= BATCHES_IN_A_ROW) return;
  sender.inARow = 1;
  await delay(PAUSE_MS);
}

async function signal(client: Client, registeredModel: string, alerts: Alert[]): Promise<void> {
  const [alone] = alerts;
  await client.workflow.signalWithStart('driftSteward', {
    ...stewardStart(registeredModel),
    signal: driftAlert,
    signalArgs: [alerts.length === 1 && alone ? alone : alerts],
  });
}

/** How the steward of a model is started, by whatever comes first. */
export function stewardStart(registeredModel: string) {
  return {
    workflowId: workflowIds.steward(registeredModel),
    taskQueue: TASK_QUEUES.orchestration,
    args: [{ registeredModel }],
    staticSummary: shorten(`Drift alerts of ${registeredModel}: one retrain for all of them`),
  };
}
