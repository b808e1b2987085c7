export { serveResidents, type ResidentsParts } from './server.ts'
