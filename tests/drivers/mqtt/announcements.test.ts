import { describe, expect, it } from 'vitest'
import { Announcements } from '../../../drivers/mqtt/announcements.ts'

const heard = (...messages: readonly (readonly [topic: string, said: unknown])[]) => {
  const listener = new Announcements()
  for (const [topic, said] of messages) listener.hear(topic, Buffer.from(typeof said === 'string' ? said : JSON.stringify(said)))
  return listener.all()
}

describe('devices that announce themselves', () => {
  it('are known in the way of Zigbee2MQTT, Tasmota, Shelly and Home Assistant, each once', () => {
    expect(heard(
      ['zigbee2mqtt/bridge/devices', [{ ieee_address: '0x1', type: 'Coordinator' }, { ieee_address: '0x00158d', type: 'EndDevice', friendly_name: 'door', definition: { vendor: 'Aqara', model: 'MCCGQ11LM' } }]],
      ['homeassistant/binary_sensor/0x00158d/contact/config', { device: { identifiers: ['zigbee2mqtt_0x00158d'], name: 'door', manufacturer: 'Aqara', model: 'other words' } }],
      ['homeassistant/sensor/pump/config', { dev: { ids: 'pump-1', name: 'pump', mf: 'Acme', mdl: 'P1' } }],
      ['tasmota/discovery/DC4F22/config', { t: 'tasmota_DC4F22', dn: 'plug', md: 'Sonoff Basic' }],
      ['tasmota/discovery/DC4F22/sensors', { sn: {} }],
      ['shellies/announce', { id: 'shellyplug-s-1', model: 'SHPLG-S' }],
      ['shellyplus1pm-a8032a/events/rpc', { src: 'shellyplus1pm-a8032a', method: 'NotifyStatus' }],
    ).map(({ kind, id, maker, model }) => [kind, id, maker, model])).toEqual([
      ['zigbee2mqtt', '0x00158d', 'Aqara', 'MCCGQ11LM'], ['home-assistant', 'pump-1', 'Acme', 'P1'], ['tasmota', 'tasmota_DC4F22', 'Tasmota', 'Sonoff Basic'],
      ['shelly', 'shellyplug-s-1', 'Shelly', 'SHPLG-S'], ['shelly', 'shellyplus1pm-a8032a', 'Shelly', 'shellyplus1pm'],
    ])
  })
  it('cannot fill the memory, move a cursor, or break the listener', () => {
    expect(heard(...Array.from({ length: 1_500 }, (_, index) => ['shellies/announce', { id: `s-${index}` }] as const))).toHaveLength(1_000)
    expect(heard(['shellies/announce', { id: `a\u001b[2Jb${'c'.repeat(500)}`, model: { x: 1 } }])[0]!.id).toBe(`a[2Jb${'c'.repeat(500)}`.slice(0, 80))
    expect(heard(['x/bridge/devices', 'no json'], ['x/bridge/devices', [1, null, 'a']], ['tasmota/discovery/x/config', [1]], ['a/b/c/config', { device: 7 }], ['a/rpc', { src: 'pump' }], ['plain/topic', { id: 1 }])).toEqual([])
  })
})
