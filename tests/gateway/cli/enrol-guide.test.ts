import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import { PilotCa } from '../../../cloud-sync/enrol/ca.ts'
import { serveCa } from '../../../cloud-sync/enrol/ca-server.ts'
import { Tokens } from '../../../cloud-sync/enrol/tokens.ts'
import { silentLog, systemClock } from '../../../gateway/kit/index.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { tempFolder } from '../../support/resources.ts'
import { keys, terminal } from '../../support/terminal.ts'
import { itWith } from '../../support/tools.ts'

describe('linli enrol at a terminal', () => {
  itWith('socat', 'mosquitto')('shows the fingerprint, takes a hidden token, and ends with the broker\'s acknowledgement', async () => {
    const folder = await tempFolder()
    const ca = await PilotCa.init(path.join(folder, 'city'), { name: 'Test root', days: 30, now: Date.now() })
    const tokens = new Tokens(path.join(folder, 'city', 'tokens'))
    const authority = await serveCa({ ca, tokens, host: '127.0.0.1', port: 0, names: ['127.0.0.1'], days: 30, clock: systemClock, log: silentLog() })
    onTestFinished(() => authority[Symbol.asyncDispose]())
    const own = await ca.server(['127.0.0.1'], { days: 30, now: Date.now() })
    const broker = await mosquitto(['cafile {folder}/ca.pem', 'certfile {folder}/cert.pem', 'keyfile {folder}/key.pem', 'require_certificate true', 'use_identity_as_username true', 'acl_file {folder}/acl'],
      { 'ca.pem': ca.pem, 'cert.pem': own.cert, 'key.pem': own.key, acl: 'pattern write linli/v1/420106/%u/status\n' })
    await writeFile(path.join(folder, 'site.yaml'), `linli: 2\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\nuplinks: [{ id: city, url: "mqtts://127.0.0.1:${broker.port}", ca: data/tls/city/ca.pem, cert: data/tls/city/cert.pem, key: data/tls/city/key.pem }]\n`)
    const begin = async () => {
      const at = terminal(['enrol', 'site.yaml'], { cwd: folder })
      await at.answer('Address of the authority', `${keys.clear}${authority.url}`)
      await at.until(new X509Certificate(ca.pem).fingerprint256.slice(0, 23))
      return at
    }
    const careful = await begin()
    await careful.answer('Is it the same')                      // no, unless somebody says so
    await careful.until('nothing was asked of the authority')
    expect(await careful.exited).not.toBe(0)

    const at = await begin()
    await at.answer('Is it the same', keys.up)
    const token = await tokens.make('hall-1', Date.now() + 60_000)
    await at.answer('One-time token', token)
    for (const step of ['the authority answers', 'the key is made', 'answered', 'in place', 'lets the gateway in', 'acknowledged', 'enrolled', `renew: { url: "${authority.url}"`]) await at.until(step)
    expect(await at.exited).toBe(0)
    expect(at.text()).not.toContain(token)
    expect(new X509Certificate(await readFile(path.join(folder, 'data/tls/city/cert.pem'))).subject).toBe('CN=hall-1')

    const again = terminal(['enrol', 'site.yaml', '--force'], { cwd: folder })
    await again.answer('Address of the authority', `${keys.clear}${authority.url}`)
    await again.answer('Is it the same', keys.up)
    await again.answer('One-time token', 'guessed')
    await again.until('ENROL_REFUSED')
    await again.until('run linli enrol site.yaml again')
    expect(await again.exited).not.toBe(0)
  })
})
