// Runs before `npm test`: the system programs tests use as counterparts. Under CI=true as root it installs them; otherwise it names the one line.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'

const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
const has = (name) => folders.some((folder) => existsSync(path.join(folder, name)))
const tools = [
  { package: 'mosquitto', here: has('mosquitto') },
  { package: 'mosquitto-clients', here: has('mosquitto_pub') },
  { package: 'openssl', here: has('openssl') },
  { package: 'gcc', here: has('gcc') },
  { package: 'libc6-dev', here: existsSync('/usr/include/stdio.h') },
  { package: 'socat', here: has('socat') },
  { package: 'rabbitmq-server', here: has('rabbitmqctl') },
  { package: 'python3-paho-mqtt', here: existsSync('/usr/bin/python3') && existsSync('/usr/lib/python3/dist-packages/paho') },
  { package: 'python3-zstandard', here: existsSync('/usr/lib/python3/dist-packages/zstandard') },
  { package: 'e2fsprogs', here: has('mkfs.ext4') },
  { package: 'chromium', here: has('chromium') },
  { package: 'chromium-headless-shell', here: has('chromium-headless-shell') },
  { package: 'libnss3-tools', here: has('certutil') },
  { package: 'poppler-utils', here: has('pdftotext') },
  { package: 'fonts-noto-cjk', here: existsSync('/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc') },
  { package: 'libmodbus-dev', here: existsSync('/usr/include/modbus/modbus.h') },
  { package: 'systemd', here: has('systemd-analyze') },
  { package: 'busybox-static', here: has('busybox') },
  { package: 'mandoc', here: has('mandoc') },
  { package: 'zsh', here: has('zsh') },
  { package: 'fish', here: has('fish') },
  { package: 'qemu-user-static', here: process.arch !== 'x64' || has('qemu-aarch64-static') },
  { package: 'g++-aarch64-linux-gnu', here: process.arch !== 'x64' || has('aarch64-linux-gnu-g++') },
]
// `deep`: what only `npm run test:deep` uses.
if (process.argv[2] === 'deep') tools.push({ package: 'debootstrap', here: has('debootstrap') }, { package: 'iproute2', here: has('ip') }, { package: 'util-linux', here: has('nsenter') })
const missing = tools.filter((tool) => !tool.here).map((tool) => tool.package)
const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
if (missing.length > 0 && process.env.CI === 'true' && process.getuid?.() === 0) {
  console.error(`linli: installing for the tests: ${missing.join(' ')}`)
  const apt = (...args) => spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status === 0
  // A broker that apt starts by itself would only take a port.
  if (!(apt('-q', 'update') && apt('-qq', 'install', '-y', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', ...missing))) {
    console.error(`linli: could not install them; run: ${line}`)
    process.exit(1)
  }
} else if (missing.length > 0 && process.env.CI === 'true') {
  console.error(`linli: tests need system packages under CI. Run as root: ${line}`)
  process.exit(1)
} else if (missing.length > 0) {
  console.error(`linli: some tests will be skipped. For all of them run: sudo ${line}`)
}
