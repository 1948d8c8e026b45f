/** Errors of arguments that exclude each other. */
import { GridError } from '../src/errors.js';

export const oneOf = (...names: readonly string[]): GridError =>
  new GridError('BAD_USER_INPUT', `Expected exactly one of the arguments ${names.join(' and ')}.`);
