/** A reason why the stack cannot start or go on; its message is all that the reader needs. */
export class StackProblem extends Error {
  override name = 'StackProblem';
}

/** A part was not started to the end because everything is to stop. */
export class GivenUp extends StackProblem {
  override name = 'GivenUp';
}
