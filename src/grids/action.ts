/** What came of an action on one item, whatever the grid. */

export const actionStatuses = [
  'DONE',
  'ALREADY_DONE',
  'NOT_FOUND',
  'FORBIDDEN',
  'BAD_STATE',
  'FAILED',
] as const;
export type ActionStatus = (typeof actionStatuses)[number];
