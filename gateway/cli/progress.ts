import { systemClock as clock } from '../kit/index.ts'

const patienceMs = 2_000
const columns = 30

/** A bar on the terminal's stderr for what takes longer than two seconds; `done` wipes it. Where stderr is no terminal, a line now and then. */
export function progressBar(what: string, stream: NodeJS.WriteStream = process.stderr): { show(share: number): void; done(): void } {
  const began = clock.monotonic()
  let next = began + patienceMs
  let drawn = false
  return {
    show(share) {
      const now = clock.monotonic()
      if (now < next) return
      const part = Math.min(1, Math.max(0, share))
      const left = part > 0.02 ? `, ${Math.ceil((now - began) * (1 - part) / part / 1_000)} s left` : ''
      const percent = `${String(Math.floor(part * 100)).padStart(3)} %`
      if (!stream.isTTY) { next = now + 10_000; stream.write(`${what}: ${percent.trim()}${left}\n`); return }
      next = now + 200
      drawn = true
      stream.write(`\r\u001b[K${what} ${'█'.repeat(Math.round(part * columns)).padEnd(columns, '░')} ${percent}${left}`)
    },
    done() { if (drawn) stream.write('\r\u001b[K') },
  }
}
