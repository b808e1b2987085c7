export { FileHistory, type HistoryOptions } from './history.ts'
