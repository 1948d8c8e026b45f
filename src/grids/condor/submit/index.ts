/** Submissions of clients: read, checked against a closed list, and written anew. Knows no command and no pool. */
export { checkedExpression } from './expression.js';
export { literal } from './literal.js';
export {
  planSubmission,
  type PlannedSubmission,
  type SubmitInput,
  type SubmitRules,
} from './plan.js';
export { checkSettable } from './protected.js';
export { submitText } from './text.js';
