import { appliedOf } from '../../systems/schedules/ownership.ts';
import type { Cli } from '../cli.ts';
import type { Session } from '../session.ts';
import { findSchedule } from './find.ts';

/** Lets a schedule start nothing until it is resumed. Applying mediwatch.yaml leaves it paused. */
export async function pauseSchedule(cli: Cli, session: Session, name: string, reason: string): Promise<void> {
  const { handle } = await findSchedule(session, name);
  await handle.pause(reason);
  cli.say(`Paused ${name}: it starts nothing until "mediwatch schedules resume ${name}". What runs goes on.`);
  cli.emit({ name, paused: true, note: reason });
}

/** Lets it go on; its note is again the one that was declared. */
export async function resumeSchedule(cli: Cli, session: Session, name: string): Promise<void> {
  const { handle, actual } = await findSchedule(session, name);
  const note = appliedOf(actual)?.note || 'Resumed.';
  await handle.unpause(note);
  const [next] = (await handle.describe()).info.nextActionTimes;
  cli.say(`Resumed ${name}.${next ? ` It starts next at ${next.toISOString()}.` : ''}`);
  cli.emit({ name, paused: false, note, next: next?.toISOString() ?? null });
}
