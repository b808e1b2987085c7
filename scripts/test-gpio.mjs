// `npm run test:gpio`: builds a small machine whose kernel has GPIO (gpio-sim), boots it in qemu and runs the driver's suite in it.
// `-- WORD…` goes to vitest: a file, -t NAME. Needs Debian's apt; as root under CI=true it installs what is missing.
import { spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const folder = path.join(root, 'build/gpio-vm')
/** Each run has its own: two at a time do not meet. */
const out = path.join(folder, `out-${process.pid}`)
const node = path.join(root, 'node_modules/.bin/node')
const ci = process.env.CI === 'true'
const seed = process.env.LINLI_SEED ?? String(randomInt(1, 2 ** 31))
const words = process.argv.slice(2)

/** Not being able to test is said, loudly. Under CI it is no failure: the packages may be out of reach; a developer asked for it and is told so. */
function leftOut(why) {
  const line = '='.repeat(100)
  console.log(`${line}\nGPIO TESTS WERE LEFT OUT: ${why}\n${line}\n0 passed, 0 failed, 0 skipped (GPIO left out)`)
  process.exit(ci ? 0 : 1)
}

const run = (command, args, options = {}) => spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options })
const has = (name) => ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'].some((each) => existsSync(path.join(each, name)))

/** The machine boots from it, with no library beside it: ldd answers for one that has none to show with a failure. */
const standsAlone = (program) => run('sh', ['-c', `ldd "$(command -v ${program})"`], { stdio: 'ignore' }).status !== 0

function install() {
  if (!has('apt-get')) leftOut('this system has no apt; the recipe in tests/gpio-vm/build.sh is for Debian')
  const kernel = () => /Depends: linux-image-(\S+)/.exec(run('apt-cache', ['depends', 'linux-image-amd64']).stdout ?? '')?.[1]
  const tools = { 'qemu-system-x86': 'qemu-system-x86_64', 'busybox-static': 'busybox', kmod: 'modprobe', cpio: 'cpio', gpiod: 'gpiomon', make: 'make', gcc: 'gcc', 'g++': 'g++', 'xz-utils': 'xz', 'util-linux': 'mount' }
  const missing = () => {
    const version = kernel()
    const headers = version && !existsSync(path.join(folder, 'mod/gpio-sim.ko')) && !existsSync(`/usr/src/linux-headers-${version}`) ? [`linux-headers-${version}`] : []
    return [...Object.entries(tools).filter(([name, program]) => !has(program) || (name === 'busybox-static' && !standsAlone(program))).map(([name]) => name), ...headers, ...(version ? [] : ['linux-image-amd64 (unknown to apt: run apt-get update)'])]
  }
  if (missing().length === 0) return
  const apt = (...args) => run('apt-get', args, { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status === 0
  if (ci && process.getuid?.() === 0) {
    if (!apt('-q', 'update')) leftOut('apt-get update failed')
    const wanted = missing()
    if (wanted.length > 0 && !apt('-qq', 'install', '-y', '--no-install-recommends', ...wanted)) leftOut(`could not install ${wanted.join(' ')}`)
  }
  if (missing().length > 0) leftOut(`run as root: apt-get update && apt-get install -y --no-install-recommends ${missing().join(' ')}`)
}

/** libgpiod 2 as Debian 13 has it, unpacked beside the build and run with its own C library: nothing is installed. */
function libgpiod2() {
  const home = path.join(folder, 'gpiod2')
  const bin = path.join(home, 'bin')
  if (existsSync(path.join(bin, 'gpiodetect'))) return bin
  const mirror = run('apt-get', ['indextargets', '--format', '$(REPO_URI)']).stdout?.split('\n').find((line) => /\/debian\/?$/.test(line)) ?? 'http://deb.debian.org/debian'
  for (const each of ['lists/partial', 'cache/archives/partial', 'system', 'bin']) mkdirSync(path.join(home, each), { recursive: true })
  writeFileSync(path.join(home, 'sources.list'), `deb ${mirror} trixie main\n`)
  const own = ['-qq', ...[`Dir::Etc::sourcelist=${home}/sources.list`, 'Dir::Etc::sourceparts=-', `Dir::State::lists=${home}/lists`, `Dir::Cache=${home}/cache`].flatMap((each) => ['-o', each])]
  const names = ['gpiod', 'libgpiod3', 'libc6', 'libgcc-s1', 'libstdc++6'].map((name) => `${name}/trixie`)
  const done = run('apt-get', [...own, 'update'], { stdio: 'ignore' }).status === 0 && run('apt-get', [...own, 'download', ...names], { cwd: home, stdio: 'ignore' }).status === 0
    && readdirSync(home).filter((name) => name.endsWith('.deb')).every((name) => run('dpkg-deb', ['-x', path.join(home, name), path.join(home, 'system')]).status === 0)
  const library = path.join(home, 'system/usr/lib/x86_64-linux-gnu')
  if (!done || !existsSync(path.join(home, 'system/usr/bin/gpiomon'))) {
    rmSync(home, { recursive: true, force: true })
    console.log('GPIO: libgpiod 2 could not be fetched from Debian 13; its half of the suite is LEFT OUT, version 1 is tested')
    return ''
  }
  for (const name of ['gpiodetect', 'gpioinfo', 'gpioget', 'gpioset', 'gpiomon']) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\nexec ${library}/ld-linux-x86-64.so.2 --library-path ${library} ${home}/system/usr/bin/${name} "$@"\n`)
    chmodSync(path.join(bin, name), 0o755)
  }
  for (const each of ['lists', 'cache']) rmSync(path.join(home, each), { recursive: true, force: true })
  return bin
}

function boot() {
  // One thread emulates both processors, a quarter slower: with two, V8 now and then ended at a start ("Check failed: it->second.Size() > offset").
  const accelerator = process.env.VM_ACCEL ?? 'tcg,thread=single'
  const arguments_ = [
    '-accel', accelerator, '-cpu', 'max', '-M', 'q35', '-smp', process.env.VM_CPUS ?? '2', '-m', process.env.VM_MEMORY ?? '1024',
    '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-kernel', path.join(folder, 'vmlinuz'), '-initrd', path.join(folder, 'initrd.gz'),
    '-append', 'console=ttyS0 panic=-1 quiet loglevel=3 tsc=reliable',
    '-virtfs', 'local,path=/,mount_tag=hostroot,security_model=none,readonly=on,multidevs=remap', '-virtfs', `local,path=${out},mount_tag=out,security_model=none`,
    '-serial', `file:${out}/kernel.log`, '-serial', 'stdio',
  ]
  return new Promise((resolve) => {
    const machine = spawn('qemu-system-x86_64', arguments_, { stdio: ['ignore', 'pipe', 'inherit'] })
    const timer = setTimeout(() => machine.kill('SIGKILL'), Number(process.env.VM_TIMEOUT ?? 600) * 1_000)
    machine.stdout.on('data', (bytes) => process.stdout.write(bytes.toString().replaceAll('\r', '')))
    machine.on('error', () => resolve(null))
    machine.on('close', (code) => { clearTimeout(timer); resolve(code) })
  })
}

function summarise() {
  if (!existsSync(path.join(out, 'status'))) {
    console.log(existsSync(path.join(out, 'kernel.log')) ? readFileSync(path.join(out, 'kernel.log'), 'utf8').slice(-2_000) : '')
    console.log('0 passed, 1 failed, 0 skipped (the GPIO machine did not finish)')
    return 1
  }
  let result
  try { result = JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8')) } catch { console.log('0 passed, 1 failed, 0 skipped (vitest gave no report)'); return 1 }
  const tests = result.testResults.flatMap((file) => file.assertionResults)
  const count = (...states) => tests.filter(({ status }) => states.includes(status)).length
  for (const { fullName } of tests.filter(({ status }) => status === 'skipped' || status === 'pending')) console.log(`skipped: ${fullName}`)
  // A file that does not load has no tests to fail.
  const failed = count('failed') + result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  console.log(`${count('passed')} passed, ${failed} failed, ${count('skipped', 'pending')} skipped`)
  return failed > 0 ? 1 : Number(readFileSync(path.join(out, 'status'), 'utf8')) || 0
}

console.log(`seed: ${seed} (repeat with LINLI_SEED=${seed} npm run test:gpio)`)
if (process.arch !== 'x64' || process.platform !== 'linux') leftOut('the machine is built for x86-64 Linux')
install()
mkdirSync(out, { recursive: true })
process.on('exit', () => rmSync(out, { recursive: true, force: true }))
if (spawnSync(node, [path.join(root, 'scripts/native.mjs')], { stdio: 'inherit', env: { ...process.env, PATH: `${path.dirname(node)}:${process.env.PATH}` } }).status !== 0) leftOut('onoff\'s native part could not be built')
if (run('bash', [path.join(root, 'tests/gpio-vm/build.sh'), folder], { stdio: 'inherit' }).status !== 0) leftOut('the machine could not be built; see above')
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`
writeFileSync(path.join(out, 'inside.sh'), `cd ${quote(root)}\nexport NODE_COMPILE_CACHE=/run/compiled LINLI_SEED=${seed} LINLI_SCALE=${process.env.LINLI_SCALE ?? '1'} LINLI_GPIOD2=${quote(libgpiod2())}\n`
  // Through a pipe: on its serial line vitest would draw for a terminal.
  + `{ node_modules/.bin/node node_modules/vitest/vitest.mjs run --configLoader runner --config tests/gpio-vm/vitest.config.ts --reporter=verbose --reporter=json --outputFile.json=/run/out/report.json ${words.map(quote).join(' ')}; echo $? >/run/code; } 2>&1 | cat\nexit $(cat /run/code)\n`)
await boot()
process.exit(summarise())
