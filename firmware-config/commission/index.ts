export { checklistOf, type Check } from './checklist.ts'
export { renderCommissioning } from './html.ts'
export { counted, differences, readCommissioning, signCommissioning, type CheckResult, type Commissioning, type SignedCommissioning } from './report.ts'
export { Watch, type Verdict } from './watch.ts'
