export { FileEventLog, type EventLogOptions, type EventLogStatistics } from './event-log.ts'
