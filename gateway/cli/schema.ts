import { siteJsonSchema } from '../../firmware-config/site/index.ts'
import { print } from './output.ts'
import { roomSchemas } from './rooms.ts'

export function schema(): void { print(JSON.stringify(siteJsonSchema(roomSchemas), null, 2)) }
