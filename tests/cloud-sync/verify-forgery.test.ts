import { generateKeyPairSync, sign } from 'node:crypto'
import { execFile } from 'node:child_process'
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import mqtt from 'mqtt'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkpointId, checkpointText, keyIdOf } from '../../cloud-sync/ledger/checkpoint.ts'
import { verifyCapture } from '../../cloud-sync/verify/capture.ts'
import { createVerifier, type VerifyReport } from '../../cloud-sync/verify/verifier.ts'
import { openSigner, rotateSigningKey } from '../../cloud-sync/ledger/signing.ts'
import { silentLog } from '../../gateway/kit/index.ts'
import { captureFile, rechained, soundCapture, topicOf, type Message } from '../support/captures.ts'
import { linli } from '../support/command-line.ts'
import { main } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { child } from '../support/resources.ts'
import { scale } from '../support/seed.ts'
import { itWith } from '../support/tools.ts'

let sound: Awaited<ReturnType<typeof soundCapture>>
beforeEach(async () => { sound ??= await soundCapture() })

/** As `linli verify --capture` does it, without the file. */
function verify(messages: readonly Message[], options: object = {}): VerifyReport {
  const verifier = createVerifier({ complete: true, fromStart: true, ...options })
  for (const { topic, text } of messages) verifier.foresee(topic, Buffer.from(text))
  for (const { topic, text } of messages) verifier.accept(topic, Buffer.from(text))
  return verifier.report()
}
const keys = (): readonly string[] => [sound.signer.publicKey]
const indexOfLast = (stream: string): number => sound.messages.findLastIndex(({ topic }) => topic === topicOf(stream))
const anyIndex = (): fc.Arbitrary<number> => fc.nat(sound.messages.length - 1)

describe('the verifier of a capture', () => {
  it('finds a sound one sound, with every stream vouched for to its end', () => {
    const report = verify(sound.messages)
    expect(report).toMatchObject({ ok: true, gaps: 2, checkpoints: 6, duplicates: 0, unchecked: 0, holes: [], awaited: [], chainBreaks: [], checkpointFaults: [], keys: [{ trust: 'first use' }] })
    expect(report.streams.map(({ stream, seq, proven }) => [stream, seq - proven]).toSorted()).toEqual([['alert', 0], ['event', 0], ['ledger', 1], ['telemetry', 0]])
    expect(verify(sound.messages, { keys: keys() })).toMatchObject({ ok: true, keys: [{ trust: 'given' }] })
  })
  it('law: a record dropped anywhere is found, but for the very last of the ledger, which nothing vouches for', () => {
    fc.assert(fc.property(anyIndex(), (index) => {
      const report = verify(sound.messages.toSpliced(index, 1))
      expect(report.ok).toBe(index === indexOfLast('ledger'))
    }))
  })
  it('law: a run of records dropped is found', () => {
    fc.assert(fc.property(anyIndex(), fc.integer({ min: 2, max: 20 }), (index, count) => {
      fc.pre(index + count < sound.messages.length)
      expect(verify(sound.messages.toSpliced(index, count)).ok).toBe(false)
    }))
  })
  it('law: one byte altered anywhere is found', () => {
    fc.assert(fc.property(anyIndex(), fc.nat(100_000), fc.integer({ min: 1, max: 127 }), (index, at, flip) => {
      const bytes = Buffer.from(sound.messages[index]!.text)
      bytes[at % bytes.length]! ^= flip
      expect(verify(sound.messages.with(index, { ...sound.messages[index]!, text: bytes.toString('latin1') })).ok).toBe(false)
    }), { numRuns: 500 * scale })
  })
  it('law: every byte of the last checkpoint counts, though no later one vouches for it', () => {
    const index = indexOfLast('ledger')
    const { topic, text } = sound.messages[index]!
    for (let at = 0; at < text.length; at++) {
      const bytes = Buffer.from(text)
      bytes[at]! ^= 1
      expect([at, verify(sound.messages.with(index, { topic, text: bytes.toString('latin1') })).ok]).toEqual([at, false])
    }
  })
  it('law: repeats and another order are counted and do no harm', () => {
    fc.assert(fc.property(fc.array(anyIndex(), { maxLength: 20 }), fc.nat(), (repeats, from) => {
      const mixed = [...sound.messages, ...repeats.map((index) => sound.messages[index]!)]
      expect(verify(mixed)).toMatchObject({ ok: true, duplicates: repeats.length, late: 0 })
      const at = from % (sound.messages.length - 1)
      const swapped = sound.messages.with(at, sound.messages[at + 1]!).with(at + 1, sound.messages[at]!)
      const oneStream = sound.messages[at]!.topic === sound.messages[at + 1]!.topic && JSON.parse(sound.messages[at]!.text).epoch === JSON.parse(sound.messages[at + 1]!.text).epoch
      const report = verify(swapped)
      expect(report.late).toBe(oneStream ? 1 : 0)
      expect([...report.holes, ...report.chainBreaks]).toEqual([])
    }))
  })
  it('law: an altered repeat is found', () => {
    fc.assert(fc.property(anyIndex(), (index) => {
      const { topic, text } = sound.messages[index]!
      const altered = text.replace('"timequality":"synced"', '"timequality":"holdover"')
      expect(verify([...sound.messages, { topic, text: altered }]).chainBreaks).toMatchObject([{ why: 'sent again with other content' }])
    }))
  })
  it('law: a record moved to another epoch is found', () => {
    const epochs = [...new Set(sound.messages.map(({ text }) => JSON.parse(text).epoch as string))]
    fc.assert(fc.property(anyIndex(), fc.constantFrom(...epochs, '00000009-ffffffff'), (index, epoch) => {
      const { topic, text } = sound.messages[index]!
      const record = JSON.parse(text)
      fc.pre(record.epoch !== epoch)
      const { prevhash, ...rest } = record
      const moved = JSON.stringify({ ...rest, epoch, id: record.id.replace(record.epoch, epoch), ...(prevhash ? { prevhash } : {}) })
      expect(verify(sound.messages.with(index, { topic, text: moved })).ok).toBe(false)
    }))
  })
  it('law: a forged gap does not hide a dropped record, though the ledger is chained anew behind it', () => {
    const droppable = sound.messages.flatMap(({ topic }, index) => (topic === topicOf('ledger') ? [] : [index]))
    fc.assert(fc.property(fc.constantFrom(...droppable), fc.nat(20), (index, where) => {
      const { stream, epoch, seq } = { stream: sound.messages[index]!.topic.split('/').at(-1)!, ...JSON.parse(sound.messages[index]!.text) }
      const without = sound.messages.toSpliced(index, 1)
      const forged = rechained(without, 'ledger', (records) => {
        const own = records.filter((record) => record.epoch === epoch)
        const gap = { ...own[0], type: 'org.linli.gap.v1', data: { stream, epoch, from: seq, to: seq, reason: 'quota', hashBefore: '', hashAfter: '' } }
        return records.toSpliced(records.indexOf(own[where % own.length]), 0, gap)
      })
      const report = verify(forged)
      expect(report.holes).toEqual([])
      expect(report.ok).toBe(false)
    }))
  })
  it('law: a checkpoint altered with any other signature is not believed', () => {
    fc.assert(fc.property(fc.nat(5), fc.constantFrom('hash', 'seq', 'signature', 'previous', 'key'), (which, what) => {
      const index = sound.messages.flatMap(({ text }, at) => (JSON.parse(text).type === 'org.linli.checkpoint.v1' ? [at] : []))[which]!
      const record = JSON.parse(sound.messages[index]!.text)
      const { data } = record
      if (what === 'hash') data.streams.telemetry = { ...data.streams.telemetry, seq: data.streams.telemetry.seq || 1, hash: 'ab'.repeat(32) }
      if (what === 'seq') data.streams.event.seq++
      if (what === 'signature') data.signature = sign(null, Buffer.from('x'), generateKeyPairSync('ed25519').privateKey).toString('base64')
      if (what === 'previous') data.previous = 'cd'.repeat(32)
      if (what === 'key') Object.assign(data, resigned(record))
      const report = verify(sound.messages.with(index, { topic: topicOf('ledger'), text: JSON.stringify(record) }), { keys: keys() })
      expect(report.checkpointFaults).not.toEqual([])
    }))
  })
  it('believes a wholly forged history of a stranger only until it is told the facility\'s key', () => {
    const key = generateKeyPairSync('ed25519')
    const forged = rechained(sound.messages, 'ledger', (records) => records.map((record) => (record.type === 'org.linli.checkpoint.v1' ? { ...record, data: resigned(record, key) } : record)))
    expect(verify(forged, { keys: keys() }).checkpointFaults.length).toBeGreaterThan(0)
    expect(verify(forged, { keys: keys() }).checkpoints).toBe(0)
  })
})

function resigned(record: any, { publicKey, privateKey } = generateKeyPairSync('ed25519')): object {
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const text = checkpointText({ gateway: 'hall-1', time: record.time, keyid: keyIdOf(key), previous: record.data.previous, streams: record.data.streams })
  return { ...record.data, key, keyid: keyIdOf(key), id: checkpointId(text), signature: sign(null, Buffer.from(text), privateKey).toString('base64') }
}

describe('keys that change', () => {
  it('are followed when the old key hands over, and not otherwise', async () => {
    const { folder } = await soundCapture()
    const old = await openSigner(folder, silentLog())
    await rotateSigningKey(folder, 'hall-1')
    const handed = await openSigner(folder, silentLog())
    await rm(path.join(folder, 'signing.key'))
    const stranger = await openSigner(folder, silentLog())
    const { signed } = await import('../../cloud-sync/ledger/ledger.ts')
    const { createEncoder } = await import('../../cloud-sync/envelope.ts')
    const encoder = createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' })
    const { sha } = await import('../support/captures.ts')
    const history = (...signers: (typeof old)[]): Message[] => {
      const out: Message[] = []
      let previous = ''
      for (const [index, signer] of signers.entries()) {
        const heads = { ledger: { epoch: '00000001-aaaaaaaa', seq: index, hash: index === 0 ? '' : sha(out.at(-1)!.text) } }
        const { event, id } = signed({ gateway: 'hall-1', at: index, previous, heads, signer })
        previous = id
        out.push({ topic: topicOf('ledger'), text: Buffer.from(encoder.event(event, { stream: 'ledger', epoch: '00000001-aaaaaaaa', seq: index + 1, prevHash: heads.ledger.hash })).toString() })
      }
      return out
    }
    expect(verify(history(old, handed))).toMatchObject({ ok: true, keys: [{ keyid: handed.keyId, trust: 'handed over' }] })
    expect(verify(history(old, handed), { keys: [old.publicKey] })).toMatchObject({ ok: true })
    expect(verify(history(handed), { keys: [old.publicKey] })).toMatchObject({ ok: true })
    expect(verify(history(old, stranger))).toMatchObject({ ok: false, checkpointFaults: [{ why: expect.stringContaining('has not handed over') }] })
    expect(verify(history(old, stranger), { keys: [old.publicKey, stranger.publicKey] })).toMatchObject({ ok: true })
    expect(verify(history(handed, old))).toMatchObject({ ok: false })
  })
})

describe('gaps of one uplink', () => {
  const withGap = (uplinks: readonly string[] | undefined): Message[] => sound.messages.map(({ topic, text }) => {
    const record = JSON.parse(text)
    return { topic, text: record.type === 'org.linli.gap.v1' ? JSON.stringify({ ...record, data: { ...record.data, uplinks } }) : text }
  })
  const status = (uplink: string): Message => ({ topic: 'linli/v1/420106/hall-1/status', text: JSON.stringify({ gateway: 'hall-1', uplink }) })
  it('explain a hole there and nowhere else', () => {
    expect(verify([status('city'), ...withGap(['city'])]).holes).toEqual([])
    expect(verify([status('district'), ...withGap(['city'])]).holes).toHaveLength(2)
    expect(verify(withGap(['city']), { uplink: 'district' }).holes).toHaveLength(2)
    expect(verify([status('district'), ...withGap(undefined)]).holes).toEqual([])
  })
  it('leave out streams that an uplink does not take', () => {
    const some = sound.messages.filter(({ topic }) => topic !== topicOf('telemetry'))
    expect(verify(some).ok).toBe(false)
    const taken = { topic: 'linli/v1/420106/hall-1/status', text: JSON.stringify({ uplink: 'city', streams: ['alert', 'event', 'ledger'] }) }
    expect(verify([taken, ...some])).toMatchObject({ ok: true, leftOut: ['hall-1/telemetry'] })
    const first = sound.messages.findIndex(({ topic }) => topic === topicOf('telemetry'))
    // Who says so and sends some all the same is held to it.
    expect(verify([taken, ...sound.messages.toSpliced(first + 1, 1)]).ok).toBe(false)
  })
})

describe('linli verify', () => {
  it('reads a capture, says what is wrong by name, and exits with 1', async () => {
    const good = await captureFile(sound.messages)
    const { code, stdout } = await linli('verify', '--capture', good, '--from-start')
    expect([code, stdout]).toEqual([0, expect.stringContaining('checkpoints and schema hold')])
    const index = sound.messages.findIndex(({ topic }) => topic === topicOf('telemetry'))
    const bad = await captureFile(sound.messages.toSpliced(index + 1, 2))
    const wrong = await linli('verify', '--capture', bad)
    expect([wrong.code, wrong.stdout]).toEqual([1, expect.stringMatching(/hole: hall-1\/telemetry\/00000001-[0-9a-f]{8}\/2–3 {2}\(2 records\)/)])
    const json = await linli('verify', '--capture', bad, '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, holes: [{ from: 2, to: 3 }] })
  })
  it('takes the key from a file, and refuses one that is none', async () => {
    const file = await captureFile(sound.messages)
    const key = path.join(path.dirname(file), 'key')
    await writeFile(key, sound.signer.publicKey)
    expect(await linli('verify', '--capture', file, '--key', key)).toMatchObject({ code: 0, stdout: expect.stringContaining('given') })
    await writeFile(key, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }))
    expect(await linli('verify', '--capture', file, '--key', key)).toMatchObject({ code: 1, stdout: expect.stringContaining('none of those given') })
    await writeFile(key, 'nonsense')
    expect(await linli('verify', '--capture', file, '--key', key)).toMatchObject({ code: 1, stderr: expect.stringContaining('VERIFY_KEY') })
  })
  it('names a torn line, a missing file and an unclear wish', async () => {
    const file = await captureFile(sound.messages)
    await appendFile(file, '{"topic":"linli/v1/42')
    expect(await verifyCapture(file, { fromStart: true })).toMatchObject({ ok: false, unreadable: 1, holes: [] })
    expect(await linli('verify', '--capture', '/no/such/file')).toMatchObject({ code: 1, stderr: expect.stringContaining('VERIFY_CAPTURE') })
    expect(await linli('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('VERIFY_USAGE') })
    expect(await linli('verify', '--broker', 'mqtt://127.0.0.1:1', '--record', file)).toMatchObject({ code: 1, stderr: expect.stringContaining('VERIFY_CAPTURE') })
  })
  itWith('mosquitto', 'mosquitto_sub')('records from a broker what mosquitto_sub also hears, and finds both sound', async () => {
    const broker = await mosquitto()
    const folder = path.dirname(await captureFile([]))
    const record = path.join(folder, 'record.jsonl')
    const recorder = child(process.execPath, [main, 'verify', '--broker', broker.url, '--record', record, '--from-start'])
    let said = ''
    recorder.stdout!.on('data', (chunk) => { said += String(chunk) })
    const ended = new Promise<number | null>((resolve) => recorder.once('exit', resolve))
    const client = await mqtt.connectAsync(broker.url)
    const heard = promisify(execFile)('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(broker.port), '-q', '1', '-t', 'linli/#', '-F', '%j', '-C', String(sound.messages.length + 1)], { maxBuffer: 1 << 26 })
    // A retained status is heard by whoever comes later: when both hold it, both are subscribed.
    await client.publishAsync('linli/v1/420106/hall-1/status', JSON.stringify({ gateway: 'hall-1', uplink: 'city' }), { retain: true, qos: 1 })
    await expect.poll(async () => (await readFile(record, 'utf8').catch(() => '')).length, { timeout: 10_000 }).toBeGreaterThan(0)
    for (const { topic, text } of sound.messages) await client.publishAsync(topic, text, { qos: 1 })
    const { stdout } = await heard
    const lines = async (): Promise<number> => (await readFile(record, 'utf8')).split('\n').length - 1
    await expect.poll(lines, { timeout: 10_000 }).toBe(sound.messages.length + 1)
    recorder.kill('SIGTERM')
    expect([await ended, said]).toEqual([0, expect.stringContaining('checkpoints and schema hold')])
    await client.endAsync()
    expect(await verifyCapture(record, { fromStart: true })).toMatchObject({ ok: true, messages: sound.messages.length })
    await writeFile(path.join(folder, 'sub.jsonl'), stdout)
    expect(await verifyCapture(path.join(folder, 'sub.jsonl'), { fromStart: true })).toMatchObject({ ok: true, messages: sound.messages.length })
  })
})
