import { type Client, type ScheduleDescription, ScheduleNotFoundError } from '@temporalio/client';
import { isOurs } from './ownership.ts';

export async function describeIfThere(client: Client, name: string): Promise<ScheduleDescription | undefined> {
  return await ifThere(client.schedule.getHandle(name).describe());
}

export async function deleteIfThere(client: Client, name: string): Promise<void> {
  await ifThere(client.schedule.getHandle(name).delete());
}

/** Names of the schedules that we made. Temporal's list lags behind: each is looked at. */
export async function listOurs(client: Client): Promise<string[]> {
  const names: string[] = [];
  for await (const schedule of client.schedule.list()) {
    if (isOurs(schedule) && (await describeIfThere(client, schedule.scheduleId))) names.push(schedule.scheduleId);
  }
  return names.sort();
}

async function ifThere<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
