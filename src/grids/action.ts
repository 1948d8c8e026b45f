/** What came of an action on one item, whatever the grid. */
import { type ErrorCode, GridError } from '../errors.js';

export const actionStatuses = [
  'DONE',
  'ALREADY_DONE',
  'NOT_FOUND',
  'FORBIDDEN',
  'BAD_STATE',
  'FAILED',
] as const;
export type ActionStatus = (typeof actionStatuses)[number];

/** An error that a part of an action's input is to blame for. */
export class InputError extends GridError {
  constructor(
    code: ErrorCode,
    message: string,
    /** From the outside in: `['items', '3']`. */
    readonly path: readonly string[],
  ) {
    super(code, message);
  }
}
