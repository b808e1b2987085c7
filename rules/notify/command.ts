import { spawn } from 'node:child_process'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { fieldsOf } from './message.ts'
import { NotifyError, said } from './notify-error.ts'
import { fill } from './placeholders.ts'
import type { ChannelOf } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

const maxBytes = 8_000
/** Of what the program says, the first is kept for the log and the rest read and dropped: a full pipe would stop it. */
const keptOutput = 1_000
const lastWordsMs = 100
/** Of the box, not of the program: later there may be room. */
const shortages = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ETXTBSY'])

/**
 * A program for a modem, a loudspeaker, a pager. No shell; nothing of the gateway's environment but a plain PATH, so that its secrets
 * stay here; the text on standard input, numbers of those to be called in LINLI_PHONES. Ended with its children when its time is over.
 */
export function createCommand(config: ChannelOf<'command'>, { clock, around }: SenderPorts): Sender {
  const [program, ...template] = config.command as [string, ...string[]]
  return {
    async send(message, signal) {
      const fields = fieldsOf(message, around, config.language, maxBytes)
      // A text that begins with a dash is no option.
      const argv = template.map((word) => { const filled = fill(word, fields); return filled.startsWith('-') && !word.startsWith('-') ? ` ${filled}` : filled })
      const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', LINLI_SEVERITY: fields.severity, LINLI_ALERT: fields.id, LINLI_TEST: fields.test, LINLI_PHONES: message.phones.join(',') }
      await run({ who: `channel ${config.id} (${program})`, program, argv, env, input: fields.text, timeoutMs: config.timeout, secrets: message.phones }, clock, signal)
    },
  }
}

interface Run { readonly who: string; readonly program: string; readonly argv: readonly string[]; readonly env: NodeJS.ProcessEnv; readonly input: string; readonly timeoutMs: number; readonly secrets: readonly string[] }

function run({ who, program, argv, env, input, timeoutMs, secrets }: Run, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it started ends with it.
    const child = spawn(program, argv, { env, cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { if (output.length < keptOutput) output += chunk.toString('utf8', 0, keptOutput) })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    const kill = (): void => { try { if (child.pid) process.kill(-child.pid, 'SIGKILL') } catch { /* It has ended. */ } }
    const end = (error?: NotifyError): void => {
      cancel()
      signal.removeEventListener('abort', aborted)
      for (const stream of [child.stdout, child.stderr, child.stdin]) stream.destroy()
      if (error) reject(error)
      else resolve()
    }
    const aborted = (): void => { kill(); end(new NotifyError('NOTIFY_TIMEOUT', `${who}: called off because the gateway stops`, { retriable: true })) }
    const cancel = clock.after(timeoutMs, () => { kill(); end(new NotifyError('NOTIFY_TIMEOUT', `${who}: not done within ${timeoutMs} ms and ended; raise timeout if it needs longer`, { retriable: true })) })
    signal.addEventListener('abort', aborted, { once: true })
    child.on('error', (error) => end(new NotifyError('NOTIFY_COMMAND', `${who}: cannot be started (${codeOf(error)}); check path and rights`, { retriable: shortages.has(codeOf(error)) })))
    const ended = (code: number | null, by: NodeJS.Signals | null): void => end(code === 0 ? undefined : new NotifyError('NOTIFY_COMMAND', `${who}: ended with ${by ?? `code ${code}`}${output ? `, saying: ${said(output, secrets)}` : ''}; it is tried again`, { retriable: true, values: { exit: code } }))
    child.on('close', ended)
    // What it left behind may hold the pipes open; its own end is what counts, and its last words are on their way.
    child.on('exit', (code, by) => { clock.after(lastWordsMs, () => ended(code, by)) })
  })
}
