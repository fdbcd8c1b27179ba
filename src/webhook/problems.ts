/** A request that the webhook refuses: nothing was started by it. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly statusCode: number;
  readonly next: string;

  /**
   * @param statusCode HTTP status of the answer
   * @param message what is wrong
   * @param next what the sender can do
   */
  constructor(statusCode: number, message: string, next: string, options?: ErrorOptions) {
    super(message, options);
    this.statusCode = statusCode;
    this.next = next;
  }
}
