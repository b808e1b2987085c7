export { createCalendar } from './calendar.ts'
export type { CalendarConfig, ScheduleConfig } from './schema.ts'
