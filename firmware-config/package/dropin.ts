/** What a connection opens on the box, as far as its settings say. */
export interface Opened { readonly driver: string; readonly settings: Readonly<Record<string, unknown>> }

const serial = /^\/dev\/(tty[A-Za-z0-9]+|serial\/by-(id|path)\/[A-Za-z0-9._:-]+)$/

/** A systemd drop-in: the serial lines and GPIO chips of a site, and no other device. A path that is none is left out, as a comment. */
export function unitDropin(connections: readonly Opened[], site: string): string {
  const [allowed, refused] = [new Set<string>(), new Set<string>()]
  for (const { driver, settings } of connections) {
    const { path, chip } = settings
    if (driver === 'gpio') allowed.add(typeof chip === 'string' && /^gpiochip\d+$/.test(chip) ? `/dev/${chip}` : 'char-gpiochip')
    else if (typeof path === 'string' && path.startsWith('/dev/')) (serial.test(path) ? allowed : refused).add(path)
  }
  const lines = [...allowed].toSorted().map((device) => `DeviceAllow=${device} rw`)
  return [`# Made by linli unit-dropin from ${site.replaceAll(/[^\x20-\x7e]/g, '?')}`, '[Service]', 'DeviceAllow=', ...lines, ...[...refused].toSorted().map((path) => `# not a serial line: ${path.replaceAll(/[^\x21-\x7e]/g, '?')}`), ''].join('\n')
}
