/** Enums whose names are their values, from the closed lists that the grids know. */

type Closed<T extends string> = { readonly [K in T]: K };

export const closedEnum = <const T extends string>(values: readonly T[]): Closed<T> =>
  Object.fromEntries(values.map((value) => [value, value])) as Closed<T>;
