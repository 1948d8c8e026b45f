/** The event log of a pool: its files, its forms, its events. */
export { isEnd, LogEntry, scheddOf } from './entry.js';
export { EventFeed, type EventFeedOptions } from './feed.js';
export { EventLogReader, type EventLogOptions } from './reader.js';
export { parseRecord, type LogRecord } from './record.js';
export { Twins } from './twins.js';
