import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect } from 'vitest'
import { child, freePort } from '../../support/resources.ts'
import { linli } from '../../support/command-line.ts'
import { main } from '../../support/gateways.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { findTool, itWith } from '../../support/tools.ts'
import { connectDevice, until } from './support.ts'

describe('linli probe mqtt', () => {
  const it = itWith('mosquitto', 'mosquitto_pub')
  it('shows what a device says and names the profile that would read it', { timeout: 20_000 }, async () => {
    const { port } = await mosquitto()
    const publish = (topic: string, body: string) => promisify(execFile)(findTool('mosquitto_pub')!, ['-h', '127.0.0.1', '-p', String(port), '-r', '-t', topic, '-m', body])
    await publish('tele/tasmota_1/STATE', '{"POWER":"ON","Wifi":{"RSSI":50}}')
    await publish('zigbee2mqtt/door', '{"contact":false,"battery":90,"linkquality":100}')
    await publish('odd', '\u001b[2J')
    const target = `127.0.0.1:${port}`
    const { code, stdout } = await linli('probe', 'mqtt', target, 'watch', '--for', '500ms')
    expect(code).toBe(0)
    expect(stdout).toMatch(/tasmota-switch +2 of 2 points seen +- \{ id: tasmota-1, profile: tasmota-switch, variables: \{ topic: "tasmota_1" \}/)
    expect(stdout).toMatch(/zigbee2mqtt-contact +3 of 3/)
    expect(stdout).not.toContain('\u001b[2J')
    const { suggestions, topics } = JSON.parse((await linli('probe', 'mqtt', target, 'watch', '--for', '500ms', '--json')).stdout)
    expect([topics.length, suggestions.length]).toEqual([3, 2])
    const lines = (await linli('probe', 'mqtt', target, 'sub', 'zigbee2mqtt/+', '--for', '500ms', '--json')).stdout.trim().split('\n').map((line) => JSON.parse(line))
    expect(lines).toMatchObject([{ topic: 'zigbee2mqtt/door', retained: true }, { suggestions: [{ profile: 'zigbee2mqtt-contact', variables: { name: 'door' } }] }])
  })
  it('publishes and waits for the acknowledgement', { timeout: 20_000 }, async () => {
    const { port } = await mosquitto()
    const heard: string[] = []
    const device = await connectDevice(port, 'any')
    await device.subscribeAsync('cmnd/plug/POWER')
    device.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
    expect(await linli('probe', 'mqtt', `127.0.0.1:${port}`, 'pub', 'cmnd/plug/POWER', 'ON')).toMatchObject({ code: 0, stdout: expect.stringContaining('acknowledged after') })
    await until(() => heard.length === 1)
    expect(heard).toEqual(['cmnd/plug/POWER ON'])
  })
  it('logs in with --username and MQTT_PASSWORD, and says what is wrong', { timeout: 20_000 }, async () => {
    const broker = await mosquitto(['password_file {folder}/users', 'allow_anonymous false'].filter((line) => !line.startsWith('password')), {})
    expect(await linli('probe', 'mqtt', `127.0.0.1:${broker.port}`, 'watch', '--for', '200ms')).toMatchObject({ code: 1, stderr: expect.stringMatching(/MQTT_CONNECT_FAILED.*MQTT_PASSWORD/) })
    expect(await linli('probe', 'mqtt', `127.0.0.1:${await freePort()}`, 'watch')).toMatchObject({ code: 1, stderr: expect.stringContaining('MQTT_CONNECT_FAILED') })
    for (const words of [[], ['sub'], ['pub', 'a'], ['listen', 'a']]) expect(await linli('probe', 'mqtt', '127.0.0.1', ...words)).toMatchObject({ code: 1, stderr: expect.stringContaining('PROBE_USAGE') })
  })
  it('ends at once on Ctrl-C, with what it found', { timeout: 20_000 }, async () => {
    const { port } = await mosquitto()
    const probe = child(process.execPath, [main, 'probe', 'mqtt', `127.0.0.1:${port}`, 'watch'])
    let stdout = ''
    probe.stdout!.on('data', (chunk) => { stdout += chunk })
    const device = await connectDevice(port, 'any')
    await until(() => { device.publish('zigbee2mqtt/door', '{"contact":true,"battery":90,"linkquality":5}'); return stdout.includes('zigbee2mqtt/door') }, 8_000)
    const exited = new Promise<number | null>((resolve) => probe.once('exit', resolve))
    probe.kill('SIGINT')
    expect(await exited).toBe(0)
    expect(stdout).toContain('looks like')
  })
})
