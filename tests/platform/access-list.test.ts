import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect } from 'vitest'
import { root } from '../support/architecture.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { itWith } from '../support/tools.ts'
import { connected } from './consumers.ts'

const page = readFileSync(path.join(root, 'docs/platform/operations.md'), 'utf8')
const block = (language: string): string => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)![1]!
const base = 'linli/v1/420106'
const toBox = ['cmd/req', 'ack', 'config/desired']

describe('docs/platform/operations.md', () => {
  itWith('mosquitto')('has an access list that keeps gateways to their own topics and everyone but the platform off commands', async () => {
    // The page's own lines, without TLS: who a client is stands in its user name here.
    const settings = block('conf').split('\n').filter((line) => /^(autosave|max_|persistent_)/.test(line))
    const broker = await mosquitto([...settings, 'acl_file {folder}/linli.acl'], { 'linli.acl': block('acl') })
    const [platform, hall, listener, forger, other] = await Promise.all(['platform', 'hall-1', 'hall-1', 'hall-1', 'hall-2'].map((username) => connected(broker.url, { username, protocolVersion: 4 })))
    const heard = { platform: [] as string[], hall: [] as string[], listener: [] as string[] }
    platform!.on('message', (topic) => heard.platform.push(topic))
    hall!.on('message', (topic) => heard.hall.push(topic))
    listener!.on('message', (topic) => heard.listener.push(topic))
    await platform!.subscribeAsync('linli/v1/#', { qos: 1 })
    await hall!.subscribeAsync(toBox.map((topic) => `${base}/hall-1/${topic}`), { qos: 1 })
    await listener!.subscribeAsync('linli/v1/#', { qos: 1 })
    const own = ['config/reported', 'status', 'model', 'model/2', 'snapshot', 'up/alert', 'up/ledger', 'up/meters', 'cmd/res', 'cmd/res/7'].map((topic) => `${base}/hall-1/${topic}`)
    for (const topic of own) await hall!.publishAsync(topic, 'mine', { qos: 1 })
    // QoS 0, because this broker may close the connection on what it denies, and the library would send a QoS 1 again.
    for (const topic of ['up/alert', 'status', 'config/reported', ...toBox]) await other!.publishAsync(`${base}/hall-1/${topic}`, 'forged')
    for (const topic of ['cmd/req', 'config/desired']) await forger!.publishAsync(`${base}/hall-1/${topic}`, 'my own')
    for (const topic of toBox) await platform!.publishAsync(`${base}/hall-1/${topic}`, 'the city', { qos: 1 })
    await expect.poll(() => heard.hall, { timeout: 5_000 }).toEqual(toBox.map((topic) => `${base}/hall-1/${topic}`))
    await expect.poll(() => heard.platform, { timeout: 5_000 }).toEqual([...own, ...toBox.map((topic) => `${base}/hall-1/${topic}`)])
    await expect.poll(() => heard.listener, { timeout: 5_000 }).toEqual(heard.hall)
  })
})
