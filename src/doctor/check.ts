import type { DoctorContext } from './context.ts';
import type { Finding } from './finding.ts';

/** One thing that the doctor looks at. */
export interface Check {
  /** As a reader sees it. */
  name: string;
  /**
   * Looks, and changes nothing. Without findings, there is nothing to look at in this configuration.
   *
   * @throws {NotChecked} when what it needs is missing, which another check tells
   */
  run(context: DoctorContext): Promise<Finding[]>;
}

/** What a check needs is missing; the check that is about that tells why. */
export class NotChecked extends Error {
  override name = 'NotChecked';
}

/** The value; whatever keeps it from coming is another check's finding. */
export async function need<Value>(asked: Promise<Value>, without: string): Promise<Value> {
  try {
    return await asked;
  } catch (error) {
    throw new NotChecked(without, { cause: error });
  }
}
