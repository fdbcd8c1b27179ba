import { type Client, isGrpcServiceError, type ScheduleDescription, ScheduleNotFoundError } from '@temporalio/client';
import { isOurs } from './ownership.ts';

/** gRPC's DEADLINE_EXCEEDED: Temporal answers so when it is too busy to ask its schedule. */
const TOO_LATE = 4;
const ATTEMPTS = 5;

export async function describeIfThere(client: Client, name: string): Promise<ScheduleDescription | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ifThere(client.schedule.getHandle(name).describe());
    } catch (error) {
      const { cause } = error as Error;
      if (attempt === ATTEMPTS || !isGrpcServiceError(cause) || cause.code !== TOO_LATE) throw error;
    }
  }
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
