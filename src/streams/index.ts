/** Streams: logs that are appended once and followed from any position, in frames. */
export { AppendLog, type AppendLogOptions } from './append-log.js';
export type { Clock } from './clock.js';
export {
  covers,
  decodeCursor,
  encodeCursor,
  endOf,
  maxCursorBytes,
  nowhere,
  type LogPosition,
} from './cursor.js';
export {
  deliveryLimits,
  resolveDelivery,
  type Delivery,
  type DeliveryInput,
  type DeliveryLimits,
} from './delivery.js';
export { follow, type FollowOptions } from './follow.js';
export {
  endReasons,
  frameKinds,
  gapReasons,
  type EndReason,
  type EntriesFrame,
  type FrameKind,
  type GapReason,
  type StreamFrame,
  type StreamGap,
} from './frame.js';
export { latest, type ChangeSource, type ValueFrame } from './latest.js';
export type { CompletionLog } from './log.js';
export { mapLog } from './map-log.js';
export { mapFrames } from './pulled.js';
export type { StreamOptions } from './pace.js';
export type { Snapshot } from './past.js';
export { RecentRows, type RecentRowsOptions, type RowKey } from './recent.js';
export { until } from './until.js';
export { values, type ChangedFrame, type ChangingValues } from './values.js';
export { SharedLog, type SharedLogOptions } from './shared/shared-log.js';
export { SharedLogs, type SharedLogsSettings, type SharedStore } from './shared/shared-logs.js';
export type { Leading, LogTerm } from './shared/term.js';
export {
  resolveStart,
  type StreamResume,
  type StreamStart,
  type StreamStartInput,
} from './start.js';
