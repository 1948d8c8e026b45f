/** Where a part of a submission came from, for errors that say what to mend. */
import { InputError } from '../../action.js';
import type { ErrorCode } from '../../../errors.js';

export interface Source {
  /** In the input of the call, from the outside in. */
  readonly path: readonly string[];
  /** The subject of a sentence: `Line 3 of the description`. */
  readonly place: string;
}

export const refused = (
  code: Extract<ErrorCode, 'BAD_USER_INPUT' | 'FORBIDDEN' | 'LIMIT_EXCEEDED' | 'BAD_ATTRIBUTE'>,
  { path, place }: Source,
  says: string,
): InputError => new InputError(code, `${place} ${says}`, path);
