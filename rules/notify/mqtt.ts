import { codeOf, DriverError } from '../../gateway/kit/index.ts'
import { fieldsOf } from './message.ts'
import { NotifyError } from './notify-error.ts'
import type { ChannelOf } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

const maxBytes = 16_000

/** On the building's own broker, as JSON, for displays and home systems; not retained. */
export function createMqtt(config: ChannelOf<'mqtt'>, { clock, around, publish }: SenderPorts): Sender {
  return {
    async send(message, signal) {
      const who = `channel ${config.id} (${config.connection})`
      if (!publish) throw new NotifyError('NOTIFY_UNREACHABLE', `${who}: the broker is reached through the running gateway; start it with linli run`, { retriable: true })
      const fields = fieldsOf(message, around, config.language, maxBytes)
      const payload = JSON.stringify({ ...fields, severity: fields.severity === '' ? null : Number(fields.severity), count: Number(fields.count), more: Number(fields.more), test: fields.test === 'true' })
      using limit = timeLimit(clock, config.timeout, signal)
      try {
        await publish(config.connection, config.topic, payload, limit.signal)
      } catch (error) {
        if (!(error instanceof DriverError) && !limit.signal.aborted) throw error
        throw new NotifyError('NOTIFY_UNREACHABLE', `${who}: not published (${limit.signal.aborted ? 'no answer in time' : codeOf(error)}); linli status tells how the connection is`, { retriable: true, cause: error })
      }
    },
  }
}

/** Aborted after `ms`, or with `signal`. */
export function timeLimit(clock: SenderPorts['clock'], ms: number, signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const stop = new AbortController()
  const cancel = clock.after(ms, () => stop.abort())
  return { signal: AbortSignal.any([stop.signal, signal]), [Symbol.dispose]: cancel }
}
