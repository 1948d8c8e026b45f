/** Submissions of clients: read, checked against a closed list, and written anew. Knows no command and no pool. */
export { checkedEdits } from './edit.js';
export { literal } from './literal.js';
export {
  planSubmission,
  type PlannedSubmission,
  type SubmitInput,
  type SubmitRules,
} from './plan.js';
export { submitText } from './text.js';
