/** All functions, by their names in lower case. */
import { argumentFunctions } from './arguments.js';
import { controlFunctions } from './control.js';
import type { ClassAdFunction } from './function.js';
import { listFunctions } from './lists.js';
import { numberFunctions } from './numbers.js';
import { patternFunctions } from './patterns.js';
import { stringListFunctions } from './string-lists.js';
import { stringFunctions } from './strings.js';
import { timeFunctions } from './times.js';
import { typeFunctions } from './types.js';

export const functions: ReadonlyMap<string, ClassAdFunction> = new Map(
  Object.entries({
    ...typeFunctions,
    ...listFunctions,
    ...stringFunctions,
    ...stringListFunctions,
    ...patternFunctions,
    ...numberFunctions,
    ...timeFunctions,
    ...argumentFunctions,
    ...controlFunctions,
  }),
);

/** Names of the functions that are known, in lower case. */
export const functionNames: ReadonlySet<string> = new Set(functions.keys());
