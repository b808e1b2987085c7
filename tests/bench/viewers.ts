// Whoever looks at a console: node viewers.ts OPEN_URL. Over IPC: { streams: N } opens that many live streams (0 closes them) and is
// answered { streams }; { requests: N, perSecond: R } asks so many times at an even pace and is answered { ms: […] }; { heard: true } is
// answered { bytes } of all streams so far.
import { Agent, get, request, type ClientRequest, type IncomingMessage } from 'node:http'

const [origin, token] = process.argv[2]!.split('/#open=') as [string, string]
const agent = new Agent({ keepAlive: true, maxSockets: 20 })
const cookie = await signIn()
let open: ClientRequest[] = []
let bytes = 0

function signIn(): Promise<string> {
  const body = JSON.stringify({ token })
  return new Promise((resolve, reject) => {
    request(`${origin}/api/session/open`, { method: 'POST', headers: { origin, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume()
      const given = response.headers['set-cookie']?.[0]?.split(';')[0]
      if (given) resolve(given)
      else reject(new Error(`the console answered ${response.statusCode}`))
    }).on('error', reject).end(body)
  })
}

/** Resolves when the stream has said hello. */
function stream(): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const asked = get(`${origin}/api/stream`, { headers: { cookie }, agent: false }, (response: IncomingMessage) => {
      if (response.statusCode !== 200) return reject(new Error(`the stream answered ${response.statusCode}`))
      response.on('data', (chunk: Buffer) => { bytes += chunk.length; resolve(asked) })
      response.on('error', () => {})
    }).on('error', reject)
  })
}

/** What an open page asks for now and then; the answer is read to its end. */
const paths = ['/api/overview', '/api/alerts', '/api/devices/d0', '/api/session', '/api/link']
function ask(n: number): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    get(`${origin}${paths[n % paths.length]}`, { headers: { cookie }, agent }, (response) => {
      response.on('data', () => {}).on('end', () => (response.statusCode === 200 ? resolve(performance.now() - began) : reject(new Error(`${paths[n % paths.length]} answered ${response.statusCode}`))))
    }).on('error', reject)
  })
}

async function askAll(requests: number, perSecond: number): Promise<number[]> {
  const asked: Promise<number>[] = []
  const began = performance.now()
  while (asked.length < requests) {
    for (const due = Math.min(requests, Math.floor((performance.now() - began) / 1_000 * perSecond)); asked.length < due;) asked.push(ask(asked.length))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return Promise.all(asked)
}

interface Order { readonly streams?: number; readonly requests?: number; readonly perSecond?: number; readonly heard?: boolean }
process.on('message', async ({ streams, requests, perSecond, heard }: Order) => {
  if (streams === 0) { for (const each of open) each.destroy(); open = [] }
  else if (streams !== undefined) open.push(...await Promise.all(Array.from({ length: streams }, stream)))
  process.send!(requests ? { ms: await askAll(requests, perSecond!) } : heard ? { bytes } : { streams: open.length })
})
process.send!('ready')
process.once('SIGTERM', () => process.exit(0))
