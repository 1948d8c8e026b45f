/** An evaluation that can't go on. It ends the whole expression, whose value is then `error`. */
export class Failure extends Error {
  override readonly name = 'ClassAdFailure';

  constructor() {
    super('The evaluation failed.');
  }
}
