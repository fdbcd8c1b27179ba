import { DefaultFailureConverter, DefaultPayloadConverter, type Payload } from '@temporalio/common';

/** Stands for a payload that could not be decoded, so that a workflow can refuse it with a reason. */
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
      const value = super.fromPayload<T>(payload);
      // Bytes look like an object with a million fields.
      return ArrayBuffer.isView(value) ? (new Undecodable('it is bytes') as T) : value;
    } catch (error) {
      return new Undecodable(error instanceof Error ? error.message : String(error)) as T;
    }
  }
}

export const payloadConverter = new ForgivingPayloadConverter();

/** Set by a worker that encrypts, before the workflow code is loaded: the same code serves with and without. */
export const ENCODES_FAILURES = 'mediwatchEncodesFailures';

/** The workflow code's converter of failures. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: ENCODES_FAILURES in globalThis });
