/** The API's shape. The page imports types only; the server parses with the schemas, and OpenAPI is made from them. */
export type * from './alerts.ts'
export type * from './facility.ts'
export type * from './link.ts'
export type * from './people.ts'
export type * from './support.ts'
export type { Problem, Role } from './common.ts'
export type { StreamEvents } from './stream.ts'
export type { Answer, Asked, Order, Route, RouteName, Routes } from './routes.ts'
