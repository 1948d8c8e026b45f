/** HTC-Grid: deployed, or embedded in this process. */
export { openEmbedded } from './embedded.js';
export { openTaskGrid } from './over-the-wire.js';
export type { HtcGrid } from './htc-grid.js';
export { taskFields, type TaskField } from './fields.js';
export type { TaskFunction } from './task-function.js';
