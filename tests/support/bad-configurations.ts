/** What an installer gets wrong, and `linli check` cannot see: each breaks something that worked. By name. */
export function badConfigurations(text: string): readonly (readonly [name: string, text: string])[] {
  const swap = (name: string, from: string | RegExp, ...to: readonly string[]): (readonly [string, string])[] => to.map((each, index) => [`${name} ${index + 1}`, text.replace(from, (...found) => each.replace('$1', () => String(found[1])))])
  const line = /host: 127\.0\.0\.1, port: (\d+)/
  const [, port] = line.exec(text)!
  const url = /url: "[^"]*"/
  const add = (name: string, ...more: readonly string[]): (readonly [string, string])[] => more.map((each, index) => [`${name} ${index + 1}`, `${text}${each}\n`])
  return [
    // The network is cut: nobody there, refused, no such name, another protocol, credentials or certificates that do not fit.
    ...swap('uplink', url, 'url: "mqtt://127.0.0.1:9"', 'url: "mqtt://127.0.0.1:1"', 'url: "mqtt://no-such-host.invalid:1883"', 'url: "mqtts://127.0.0.1:9"', 'url: "mqtt://192.0.2.1:1883"', 'url: "mqtt://[::1]:9"', `url: "mqtt://127.0.0.1:${port}"`, 'url: "mqtt://127.0.0.2:9"'),
    ...swap('uplink key', /protocol: "3.1.1"/, 'protocol: "3.1.1", password: { file: ./no-such-file }, username: hall', 'protocol: "3.1.1", password: { env: NO_SUCH_VARIABLE }, username: hall', 'protocol: "3.1.1", ca: ./no-such-ca.pem', 'protocol: "3.1.1", cert: ./no.pem, key: ./no.key'),
    // The bus.
    ...swap('bus', line, 'host: 127.0.0.1, port: 9', 'host: 127.0.0.1, port: 1', 'host: 192.0.2.1, port: 502', 'host: no-such-host.invalid, port: 502', `host: "::1", port: ${port}`, 'transport: rtu, path: /dev/no-such-line', 'transport: rtu, path: /dev/serial/by-id/none', `transport: rtu-over-tcp, host: 127.0.0.1, port: ${port}`, 'host: 127.0.0.1, port: 10', 'host: 127.0.0.1, port: 11', 'host: 127.0.0.1, port: 12'),
    ...swap('unit', 'unitId: 1,', ...[2, 3, 4, 5, 6, 17, 31, 100, 200, 247].map((unit) => `unitId: ${unit},`)),
    // The building's broker: elsewhere, or with a password that is not the kiosk's.
    ...swap('broker', /(?<=1000000, )listen: \{ port: \d+ \}/, 'listen: { port: 1 }', 'listen: { host: 192.0.2.1, port: 18830 }', 'listen: { port: 0 }', 'listen: { host: 127.0.0.9, port: 18831 }', `listen: { host: "::1", port: 18832 }`),
    ...swap('password', '{ env: LINLI_TEST_PASSWORD }', '{ env: NO_SUCH_VARIABLE }', '{ file: ./no-such-file }', '{ env: HOME }', '{ file: ./site.yaml }', '{ env: PATH }'),
    // The page for staff: not an address of this box, a port that is taken.
    ...swap('console', /(?<=console: \{ enabled: true, )listen: \{ port: \d+ \}/, 'listen: { host: 192.0.2.1, port: 8080 }, plainHttp: true', `listen: { port: ${port} }`, 'listen: { host: 127.0.0.1, port: 1 }, tls: { cert: ./no.pem, key: ./no.key }'),
    // It cannot start at all.
    ...add('socket', 'control: { socket: /proc/linli.sock }', 'control: { socket: /dev/null/linli.sock }', 'control: { socket: /sys/linli.sock }', 'control: { socket: /proc/self/linli.sock }'),
    // Several things at once.
    ...swap('both', /unitId: 1,([^]*)url: "[^"]*"/, 'unitId: 9,$1url: "mqtt://127.0.0.1:9"', 'unitId: 10,$1url: "mqtt://192.0.2.1:1883"'),
  ]
}
