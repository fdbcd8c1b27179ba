export { removeOldLogs } from './layout.ts';
export { createLogReader, type LogEntry, type LogEvent, type LogReader } from './reader.ts';
export type { LogOrigin, LogState } from './records.ts';
export { createLogShipper, type LogShipper, NOT_SHIPPED, type OpenLog } from './shipper.ts';
