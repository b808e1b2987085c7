export { exportPoints } from './export.ts'
export { importPoints, type Import, type ImportOptions } from './import.ts'
export type { PointChange } from './plan.ts'
export { addEntries, type EntryLists } from './add-entries.ts'
