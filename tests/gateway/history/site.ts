/** One MQTT meter on a broker of the gateway's own. */
export const mqttProfileless = (port: number): string[] => [
  `connections: [{ id: broker, driver: mqtt, listen: { port: ${port} } }]`,
  'devices: [{ id: meter, name: { zh: 表, en: meter }, connection: broker, password: { env: LINLI_TEST_PASSWORD }, points: { n: { name: { zh: 数, en: number }, type: number, topic: "devices/{device}/n", pointer: /n } } }]',
]
