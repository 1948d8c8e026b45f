/** HTC-Grid: deployed, or embedded in this process. */
export { openEmbedded } from './embedded.js';
export type { EmbeddedSettings } from './embedded.js';
export { openTaskGrid } from './over-the-wire.js';
export type { GatewayAccess, TaskGridSettings } from './over-the-wire.js';
export type { HtcGrid } from './htc-grid.js';
export type { Call, OnCall } from './calls.js';
export type { TaskContext, TaskFunction } from './task-function.js';
export { taskFields } from './fields.js';
export type { TaskField } from './fields.js';
