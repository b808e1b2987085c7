export { openEvents } from './stored.ts'
export { FileEventLog, type EventLogOptions, type EventLogStatistics } from './event-log.ts'
