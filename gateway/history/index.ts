export { FileHistory, type HistoryOptions } from './history.ts'
export { openRaw, type RawReader } from './reading.ts'
export { openMinutes } from './stored.ts'
