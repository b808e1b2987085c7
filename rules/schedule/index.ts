export { createCalendar } from './calendar.ts'
export { calendarSchema, scheduleSchema, type CalendarConfig, type ScheduleConfig } from './schema.ts'
