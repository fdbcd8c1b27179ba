import { DefaultPayloadConverter, type Payload } from '@temporalio/common';

/** Stands for a payload that could not be decoded, so that a workflow can refuse it in words. */
export class Undecodable {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

/** Temporal's converter, but input typed by a person never fails a workflow task: what is not JSON is Undecodable. */
class ForgivingPayloadConverter extends DefaultPayloadConverter {
  override fromPayload<T>(payload: Payload): T {
    try {
      return super.fromPayload(payload);
    } catch (error) {
      return new Undecodable(error instanceof Error ? error.message : String(error)) as T;
    }
  }
}

export const payloadConverter = new ForgivingPayloadConverter();
