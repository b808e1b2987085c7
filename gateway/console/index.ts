export { serveConsole, type Console } from './server.ts'
export type { ConsoleParts } from './parts.ts'
