import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import type { Journal } from '../contract/index.ts'
import { codeOf, describe } from '../kit/index.ts'
import { packEntries } from '../store/copy.ts'

/** GET /journal/copy: the journal as of now, for a backup; one that is cut off lacks its end. It holds no key and no secret of the box, those are files. */
export async function answerCopy(journal: Pick<Journal, 'entries'>, response: ServerResponse): Promise<void> {
  try {
    const chunks = packEntries(journal.entries())
    const { value } = await chunks.next()
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    response.write(value)
    await pipeline(Readable.from(chunks), response)
  } catch (error) {
    if (response.headersSent) response.destroy()
    else response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify({ code: codeOf(error), message: describe(error) }))
  }
}
