import { join } from 'node:path';
import { Agent } from 'undici';
import { redact, redactData } from '../../config/redaction.ts';
import { type Config, fromRoot } from '../../config.ts';
import type { Delivery, Notification, NotificationTarget } from '../../contracts/notifications.ts';
import { truncate } from '../../contracts/text.ts';
import { createReaper, type Reaper } from '../processes/reaper.ts';
import { attempting, type Patience } from './attempts.ts';
import type { Channel } from './channel.ts';
import { createCommandChannel } from './command.ts';
import { createEmailChannel } from './email.ts';
import { whyFiltered } from './filter.ts';
import { createSlackChannel } from './slack.ts';
import { createWebhookChannel } from './webhook.ts';

/** Tells people by every target of the configuration. */
export interface Notifier {
  /**
   * Tries all targets at once, each on its own; never throws.
   *
   * @param options.everyTarget also those that do not want it
   */
  send(notification: Notification, options?: { everyTarget?: boolean }): Promise<Delivery[]>;
  close(): Promise<void>;
}

const PATIENCE: Patience = { limitMs: 10_000, pausesMs: [300, 1_000, 3_000] };

/** Where output of commands goes, in the folder of the stack. */
const LOG = join('logs', 'notifications.log');

export function createNotifier(config: Config, patience: Patience = PATIENCE): Notifier {
  const { notifications: targets, secrets } = config;
  const agent = new Agent({ connect: { timeout: patience.limitMs } });
  let reaper: Promise<Reaper> | undefined;
  const surroundings = {
    cwd: config.root,
    logFile: join(fromRoot(config, config.stack.dir), LOG),
    memoryLimitMb: config.worker.memoryLimitMb,
    reaper: () => {
      reaper ??= createReaper();
      return reaper;
    },
  };
  const open = (target: NotificationTarget): Channel => {
    if (target.kind === 'webhook') return createWebhookChannel(target, secrets, agent);
    if (target.kind === 'slack') return createSlackChannel(target, secrets, agent);
    if (target.kind === 'email') return createEmailChannel(target, secrets);
    return createCommandChannel(target, surroundings);
  };
  const posts = targets.map((target, index) => ({
    target,
    name: `${target.kind} (notifications[${index}] in mediwatch.yaml)`,
    channel: open(target),
  }));

  return {
    send(notification, { everyTarget = false } = {}) {
      const told = redactData(notification);
      return Promise.all(
        posts.map(async ({ target, name, channel }): Promise<Delivery> => {
          const unwanted = everyTarget ? null : whyFiltered(target, notification);
          if (unwanted) return { target: name, outcome: 'filtered', attempts: 0, detail: unwanted };
          const { attempts, problem } = await attempting((signal) => channel.deliver(told, signal), patience);
          const detail = problem === null ? '' : truncate(redact(problem), 1_000);
          return { target: name, outcome: problem === null ? 'sent' : 'failed', attempts, detail };
        }),
      );
    },
    async close() {
      await agent.destroy();
      await (await reaper?.catch(() => undefined))?.close();
    },
  };
}
