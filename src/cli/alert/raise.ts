import type { DriftAlert } from '../../contracts/steward.ts';
import { raiseAlert } from '../../systems/alerts.ts';
import { driftVerdictText } from '../../words/verdicts.ts';
import type { Cli } from '../cli.ts';
import { temporalLink } from '../links.ts';
import { configOf } from '../model.ts';
import { withSession } from '../session.ts';
import { postAlert } from './post.ts';
import { retrying } from './retrying.ts';
import { type AlertFlags, alertFrom } from './wanted.ts';

/** Temporal has the alert on disk within milliseconds (ms). */
const LIMIT_MS = 5_000;

export interface RaiseFlags extends AlertFlags {
  registeredModel?: string;
  /** True: the webhook of the settings. */
  webhook?: true | string;
}

/** Raises an alert, directly or by the webhook, and tells what came of it. */
export async function raise(cli: Cli, flags: RaiseFlags): Promise<void> {
  const { forModel } = await import('../../config.ts');
  const settings = cli.config();
  const registeredModel = flags.registeredModel ?? settings.registry.registeredModel;
  // The webhook knows its own models.
  const config = flags.webhook === undefined ? configOf(cli, registeredModel) : forModel(settings, registeredModel);
  const { alert, verdict, raised } = await alertFrom(cli, config, flags);
  const about = { key: alert.key, reason: alert.reason, verdict: verdict?.verdict ?? null, exitCode: cli.exitCode };
  if (!raised) {
    cli.emit({ event: 'alert', raised, registeredModel, steward: null, url: null, ...about });
    cli.say(`${verdict ? driftVerdictText(verdict) : 'No drift'}. Nothing was raised.`);
    return;
  }
  const { steward, model } = await retrying(cli.io, () =>
    flags.webhook === undefined
      ? direct(cli, registeredModel, alert)
      : postAlert(cli.io, settings, {
          url: flags.webhook === true ? settings.webhook.url : (flags.webhook as string),
          registeredModel: flags.registeredModel,
          alert,
        }),
  );
  const url = steward === null ? null : temporalLink(settings, steward).url;
  cli.emit({ event: 'alert', raised, registeredModel: model, steward, url, ...about });
  cli.say(`The steward of ${model} has the alert${alert.reason && `: ${alert.reason}`}`);
  if (url) cli.say(`  ${url}`);
  cli.say('"mediwatch steward" shows what it does.');
}

async function direct(cli: Cli, model: string, alert: DriftAlert): Promise<{ model: string; steward: string | null }> {
  return await withSession(cli, async ({ client }) => {
    const raised = () => raiseAlert(client, model, alert);
    return { model, steward: await client.withDeadline(Date.now() + LIMIT_MS, raised) };
  });
}
