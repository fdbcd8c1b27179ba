/** A request that is answered with what is wrong and what to do next. */
export class HttpProblem extends Error {
  readonly statusCode: number;
  readonly next: string;

  /**
   * @param statusCode HTTP status of the answer
   * @param message what is wrong
   * @param next what the caller can do
   */
  constructor(statusCode: number, message: string, next: string) {
    super(message);
    this.statusCode = statusCode;
    this.next = next;
  }
}

/** A request to the admin API that cannot be done; the gateway is as it was before. */
export class AdminProblem extends HttpProblem {
  override name = 'AdminProblem';
}
